"""The index: words and vectors, two caches kept in step with the records by content digest."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from copilot.errors import CopilotError, IndexDamaged
from copilot.playbook.evidence import AUDIENCES, Audience, Vector
from copilot.playbook.lexical import Lexical
from copilot.playbook.probe import Probe
from copilot.playbook.records import Records
from copilot.playbook.vectors import Canary, Vectors, names_of

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

_BATCH = 500

# Vectors asked for in a check of a collection: one call, a few milliseconds.
_CANARIES = 32

# How long a search waits for the vectors to be opened, seconds; then words alone answer.
_OPENING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Health:
    """How the index is; ``vectors`` is `ok`, `empty`, `rebuilding` or `damaged`.

    ``passages`` and ``words`` count passages, in the records and in the file of words.
    """

    passages: int
    words: int
    vectors: str
    damage: str


class Index:
    """Searches words and vectors; repairs itself from the records.

    Searching words never waits for vectors: while they are rebuilt `search_vectors` returns
    nothing and `Health.vectors` says so.
    """

    def __init__(
        self, folder: Path, records: Records, embedder: str, child: Probe | None = None
    ) -> None:
        """Open the index below ``folder``: catch up on words, then open vectors in a thread.

        The vectors are opened in a child process first, while the caller goes on. Damage found here
        or later is repaired from the records; no embedding is computed for it.

        Args:
            embedder: the embedder's name.
            child: the process to open them in, started before to save time; by default a new one.
        """
        self._child = child
        self._folder = folder
        self._records = records
        self._embedder = embedder
        self._words = Lexical(folder / "words.db")
        self._vectors: Vectors | None = None
        self._words_age = 0
        self._words_whole = threading.Event()
        self._words_whole.set()
        self._searches = 0
        self._lock = threading.RLock()
        self._searched = threading.Condition()
        self._damage = ""
        self._closed = False
        self._opened = threading.Event()
        self._sync_words(None)
        self._worker = self._start(self._open_vectors)

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        worker = threading.Thread(target=work, name="index", daemon=True)
        worker.start()
        return worker

    @property
    def _chroma(self) -> Path:
        return self._folder / "chroma"

    # Keeping in step -----------------------------------------------------------------------------

    def sync(self, progress: Progress | None = None) -> None:
        """Bring words and vectors into step with the records; waits for a rebuild under way."""
        self.wait()
        age = self._words_age
        try:
            self._sync_words(progress)
        except IndexDamaged as damage:
            self._rebuild_words(age, damage.detail)
        with self._lock:
            if self._vectors is not None:
                try:
                    self._sync_vectors(self._vectors)
                except IndexDamaged as damage:
                    self._rebuild(damage.detail)
            elif not self._worker.is_alive():
                self._worker = self._start(self._open_vectors)
        self.wait()

    def _sync_words(self, progress: Progress | None) -> None:
        generation = self._records.generation()
        if self._words.mark("words") == generation:
            return
        wanted = self._records.digests()
        held = self._words.held()
        self._words.drop(id_ for id_ in held if id_ not in wanted)
        behind = [id_ for id_, (digest, _) in wanted.items() if held.get(id_) != digest]
        for start in range(0, len(behind), _BATCH):
            self._words.put(self._records.load(behind[start : start + _BATCH]))
            if progress is not None:
                progress(min(start + _BATCH, len(behind)), len(behind))
        self._words.set_mark("words", generation)

    def _sync_vectors(self, vectors: Vectors) -> None:
        generation = self._records.generation()
        mark = f"{generation} {self._embedder}"
        if self._words.mark("vectors") == mark:
            return
        wanted = {
            id_: (vectors.names[audience], digest, audience)
            for id_, (digest, audience) in self._records.digests(self._embedder).items()
        }
        ledger = self._words.ledger()
        gone: dict[str, list[str]] = {}
        for id_, (collection, _) in ledger.items():
            if id_ not in wanted or wanted[id_][0] != collection:
                gone.setdefault(collection, []).append(id_)
        for collection, ids in gone.items():
            vectors.drop(collection, ids)
            self._words.strike_vectors(ids)
        behind = [
            id_ for id_, (name, digest, _) in wanted.items() if ledger.get(id_) != (name, digest)
        ]
        for start in range(0, len(behind), _BATCH):
            self._store_vectors(vectors, behind[start : start + _BATCH])
        vectors.drop_others()
        self._words.set_mark("vectors", mark)

    def _store_vectors(self, vectors: Vectors, ids: Sequence[str]) -> None:
        """Note, store, note as stored: a crash in between leaves no vector that nobody knows of."""
        items = self._records.load(ids)
        self._words.note_vectors(
            (item.passage.id, vectors.names[item.passage.audience], "") for item in items
        )
        for audience in AUDIENCES:
            chosen = [item for item in items if item.passage.audience == audience]
            if chosen:
                vectors.put(
                    audience,
                    [item.passage.id for item in chosen],
                    [item.embedding for item in chosen],
                )
        self._words.note_vectors(
            (item.passage.id, vectors.names[item.passage.audience], item.digest) for item in items
        )

    # Opening, checking, rebuilding ---------------------------------------------------------------

    def _canaries(self) -> dict[Audience, Canary]:
        """The canary of each audience of this embedder that the ledger says is stored."""
        audiences = {name: audience for audience, name in names_of(self._embedder).items()}
        stored: dict[Audience, dict[str, str]] = {}
        for id_, (collection, digest) in self._words.ledger().items():
            if collection in audiences and digest:
                stored.setdefault(audiences[collection], {})[id_] = digest
        canaries: dict[Audience, Canary] = {}
        for audience, digests in stored.items():
            ids = sorted(digests)
            chosen = ids[:: max(1, len(ids) // _CANARIES)]
            vectors = tuple(
                tuple(float(x) for x in item.embedding)
                for item in self._records.load(chosen)
                if digests[item.passage.id] == item.digest
            )
            if vectors:
                canaries[audience] = Canary(len(digests), vectors)
        return canaries

    def _open_vectors(self) -> None:
        """Open the vectors, in a child first; whatever is wrong is rebuilt. Runs in a thread."""
        try:
            if self._chroma.exists():
                if not self._words.ledger() and not self._words.mark("vectors"):
                    raise IndexDamaged("nobody knows any more what the vector index holds.")
                child, self._child = self._child or Probe(), None
                child.check(self._chroma, self._embedder, self._canaries())
            elif self._words.ledger():
                raise IndexDamaged("the folder of the vector index is gone.")
            self._attach()
        except IndexDamaged as damage:
            self._damage = damage.detail
            self._opened.set()
            self._rebuild_now()
        except (CopilotError, OSError) as error:
            self._failed(error)
        finally:
            self._opened.set()

    def _attach(self) -> None:
        """Open the vectors in this process and bring them into step."""
        vectors = Vectors(self._chroma, self._embedder)
        try:
            self._sync_vectors(vectors)
        except BaseException:
            vectors.close()
            raise
        self._vectors = vectors
        self._damage = ""

    def _failed(self, error: Exception) -> None:
        # Words still answer; the next check or start tries again.
        log.error("rebuilding the vector index failed: %s", error)
        self._damage = f"rebuilding failed: {error}"

    def check(self) -> bool:
        """Run the canary queries in this process; on damage start a rebuild.

        Returns:
            whether all is well.
        """
        with self._lock:
            if self._vectors is None:
                self._rebuild(self._damage or "it could not be opened.")
                return False
            try:
                self._vectors.check(self._canaries())
            except IndexDamaged as damage:
                self._rebuild(damage.detail)
                return False
            return True

    def _rebuild(self, damage: str) -> None:
        """Throw the vectors away and store them again from the records, in a thread."""
        with self._lock:
            if self._closed or self._worker.is_alive():
                return
            log.warning("the vector index is rebuilt: %s", damage)
            self._damage = damage
            damaged, self._vectors = self._vectors, None
            self._worker = self._start(partial(self._replace, damaged))

    def _replace(self, damaged: Vectors | None) -> None:
        """Close the damaged vectors once nobody searches them any more, and rebuild."""
        if damaged is not None:
            with self._searched:
                self._searched.wait_for(lambda: self._searches == 0)
            damaged.close()
        self._rebuild_now()

    def _rebuild_now(self) -> None:
        try:
            shutil.rmtree(self._chroma, ignore_errors=True)
            self._words.clear_vectors()
            self._attach()
        except (CopilotError, OSError) as error:
            self._failed(error)

    def wait(self) -> None:
        """Wait until opening or a rebuild under way is done."""
        self._worker.join()

    # Searching -----------------------------------------------------------------------------------

    def search_words(
        self, question: str, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """Passages that share words with the question: (id, BM25), best first.

        A damaged file of words is built anew first, from the records.

        Raises:
            IndexDamaged: it cannot be built (a full disk, for example).
        """
        tries = 0
        while True:
            self._words_whole.wait()
            age = self._words_age
            try:
                found = self._words.search(question, audiences, limit)
            except IndexDamaged as damage:
                tries += 1
                if tries > 1:
                    raise
                self._rebuild_words(age, damage.detail)
                continue
            # What was found while another thread emptied and filled the file counts for nothing.
            if self._words_whole.is_set() and age == self._words_age:
                return found

    def _rebuild_words(self, age: int, damage: str) -> None:
        """Build the words anew, once for all threads that met the same damage."""
        with self._lock:
            if self._words_age != age:
                return
            log.warning("the index of words is rebuilt: %s", damage)
            self.wait()
            self._words_whole.clear()
            try:
                self._words.rebuild()
                self._sync_words(None)
                self._words_age += 1
            finally:
                self._words_whole.set()
            # The ledger of the vectors went with the file.
            self._rebuild("nobody knows any more what the vector index holds.")

    def search_vectors(
        self, vector: Vector, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """Nearest passages: (id, cosine), best first; nothing while the vectors are rebuilt."""
        self._opened.wait(_OPENING_SECONDS)
        with self._searched:
            vectors = self._vectors
            if vectors is None:
                return []
            self._searches += 1
        try:
            return vectors.search(vector, audiences, limit)
        except IndexDamaged as error:
            damage = error.detail
        finally:
            with self._searched:
                self._searches -= 1
                self._searched.notify_all()
        self._rebuild(damage)
        return []

    def health(self) -> Health:
        """How the index is at this moment."""
        held = len(self._words.held())
        if self._vectors is not None:
            state = "ok" if held else "empty"
        else:
            state = "rebuilding" if self._worker.is_alive() else "damaged"
        return Health(self._records.count(), held, state, self._damage)

    def close(self) -> None:
        """Finish a rebuild under way and close both caches; no other is begun."""
        with self._lock:
            # The home may be another process's from now on.
            self._closed = True
        self.wait()
        with self._lock:
            if self._vectors is not None:
                self._vectors.close()
                self._vectors = None
            self._words.close()
