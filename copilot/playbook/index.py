"""The index: words and vectors, two caches kept in step with the records by content digest."""

from __future__ import annotations

import logging
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from copilot.errors import CopilotError, IndexDamaged
from copilot.models import embedder as embedders
from copilot.models.embedder import Embedder
from copilot.playbook import ingest, step
from copilot.playbook.embeddings import Kind
from copilot.playbook.evidence import Audience, Vector
from copilot.playbook.exact import Exact
from copilot.playbook.lexical import Lexical
from copilot.playbook.probe import Probe
from copilot.playbook.records import Records
from copilot.playbook.serving import Serving
from copilot.playbook.vectors import Vectors, names_of

log = logging.getLogger(__name__)

# How long a search waits for the vectors to be opened, seconds; then NumPy answers.
_OPENING_SECONDS = 10.0

# Asks looked at for each passage wanted: a document's passages share theirs, and its asks are many.
_ASKS = 2
_ASKS_AT_ONCE = 24


@dataclass(frozen=True, slots=True)
class Health:
    """How the index is; ``vectors`` is `ok`, `empty`, `rebuilding` or `damaged`.

    ``passages`` and ``words`` count passages, in the records and in the file of words;
    ``embedder`` is the one whose vectors are searched (empty: none), ``behind`` how many passages
    and asks the configured one has still to embed.
    """

    passages: int
    words: int
    vectors: str
    damage: str
    embedder: str = ""
    behind: int = 0


class Index:
    """Searches words and vectors; repairs itself from the records.

    Searching words never waits for vectors: while they are rebuilt NumPy searches those of the
    records. When another embedder is configured, the vectors of the one before serve on until its
    own are complete (`embedder`).
    """

    def __init__(
        self,
        folder: Path,
        records: Records,
        embedder: Embedder,
        child: Probe | None = None,
        *,
        reference: str = "",
        load: Callable[[str], Embedder] = embedders.load,
    ) -> None:
        """Open the index below ``folder``: catch up on words, then open vectors in a thread.

        The vectors are opened in a child process first, while the caller goes on. Damage found here
        or later is repaired from the records; no embedding is computed for it. What the embedder
        has not embedded yet, it embeds in another thread.

        Args:
            embedder: the configured one.
            child: the process to open them in, started before to save time; by default a new one.
            reference: what ``embedder`` was loaded by; remembered beside its name.
            load: loads the embedder before it by what that was loaded by.
        """
        self._child = child
        self._folder = folder
        self._records = records
        self._serving = Serving(records, embedder, reference, load)
        self._words = Lexical(folder / "words.db")
        self._vectors: Vectors | None = None
        self._filled: frozenset[str] = frozenset()
        self._exact: tuple[str, Exact] | None = None
        self._exact_lock = threading.Lock()
        self._words_age = 0
        self._words_whole = threading.Event()
        self._words_whole.set()
        self._searches = Counter[str]()
        self._lock = threading.RLock()
        self._searched = threading.Condition()
        self._damage = ""
        self._closed = False
        self._opened = threading.Event()
        step.sync_words(self._words, records)
        self._worker = self._start(self._open_vectors)
        self._embedder_worker = self._start(self._catch_up)

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        worker = threading.Thread(target=work, name="index", daemon=True)
        worker.start()
        return worker

    @property
    def _chroma(self) -> Path:
        return self._folder / "chroma"

    # The embedder --------------------------------------------------------------------------------

    @property
    def embedder(self) -> Embedder:
        """The one that questions must be encoded with right now."""
        return self._serving.now or self._serving.wanted

    def _catch_up(self) -> None:
        """Embed what is behind and take the configured embedder into use. Runs in a thread."""

        def stop() -> bool:
            return self._closed

        try:
            if self._serving.settled and self._serving.whole(self._words):
                return
            self._serving.embed(self._words, stop)
            self.wait()
            if not stop():
                self._sync_vectors(stop)
        except Exception as error:  # whatever a model raises, the old vectors and words serve on
            log.exception("embedding what is behind failed")
            self._serving.failed(error)

    def embed(self, progress: ingest.Progress | None = None) -> int:
        """Embed what the configured embedder has not embedded yet; the number of texts.

        Takes over from the thread that does so on its own.
        """
        return self._serving.embed(self._words, lambda: self._closed, progress, ahead=True)

    # Keeping in step -----------------------------------------------------------------------------

    def sync(self, progress: step.Progress | None = None) -> None:
        """Bring words and vectors into step with the records; waits for a rebuild under way.

        What was added is embedded first. When the configured embedder has embedded everything, its
        vectors are searched from then on.
        """
        self.embed()
        self.wait()
        age = self._words_age
        try:
            step.sync_words(self._words, self._records, progress)
        except IndexDamaged as damage:
            self._rebuild_words(age, damage.detail)
        self._sync_vectors(lambda: False)
        self.wait()

    def _sync_vectors(self, stop: Callable[[], bool]) -> None:
        with self._lock:
            if self._vectors is not None:
                try:
                    self._follow(self._vectors, stop)
                except IndexDamaged as damage:
                    self._rebuild(damage.detail)
            elif not self._worker.is_alive() and not self._closed:
                self._worker = self._start(self._open_vectors)

    def _follow(self, vectors: Vectors, stop: Callable[[], bool] = lambda: False) -> None:
        """Bring the collections into step; those of the configured embedder once it is done."""
        serving = self._serving
        if serving.now is not None:
            self._follow_one(vectors, serving.now, stop)
        if serving.settled or not serving.whole(self._words):
            return
        if self._follow_one(vectors, serving.wanted, stop) and serving.whole(self._words):
            self._switch(vectors)

    def _follow_one(self, vectors: Vectors, embedder: Embedder, stop: Callable[[], bool]) -> bool:
        one = embedder.name, embedder.dimensions
        whole = step.sync_vectors(self._words, vectors, self._records, one, stop)
        self._filled = frozenset(self._words.sizes())
        return whole

    def _switch(self, vectors: Vectors) -> None:
        """Search the configured embedder's vectors from now on; those before it are dropped."""
        before = self._serving.now
        with self._searched:
            self._serving.take_over()
            self._exact = None
            if before is not None:
                self._searched.wait_for(lambda: not self._searches[before.name])
        # A crash before this does the switch again at the next opening.
        self._records.embeddings.activate(self._serving.wanted.name)
        self._drop_others(vectors)

    def _drop_others(self, vectors: Vectors) -> None:
        """Delete the collections of embedders that are neither searched nor configured."""
        kept = [
            name
            for each in self._serving.all
            for name in names_of(each.name, each.dimensions).values()
        ]
        vectors.drop_others(kept)
        self._words.strike_others(kept)

    # Opening, checking, rebuilding ---------------------------------------------------------------

    def _open_vectors(self) -> None:
        """Open the vectors, in a child first; whatever is wrong is rebuilt. Runs in a thread."""
        try:
            if self._chroma.exists():
                if not self._words.sizes() and not self._words.mark("vectors"):
                    raise IndexDamaged("nobody knows any more what the vector index holds.")
                child, self._child = self._child or Probe(), None
                child.check(self._chroma, step.canaries(self._words, self._records))
            elif self._words.sizes():
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
        vectors = Vectors(self._chroma)
        try:
            self._drop_others(vectors)
            self._follow(vectors)
        except BaseException:
            vectors.close()
            raise
        self._vectors = vectors
        self._damage = ""
        self._exact = None

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
                self._vectors.check(step.canaries(self._words, self._records))
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
                self._searched.wait_for(lambda: not self._searches.total())
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
                step.sync_words(self._words, self._records)
                self._words_age += 1
            finally:
                self._words_whole.set()
            # The ledger of the vectors went with the file.
            self._rebuild("nobody knows any more what the vector index holds.")

    def heard(self, words: Sequence[str]) -> set[str]:
        """Those of some words (in search form) that any passage or ask has.

        All of them while the file of words is damaged: the next search builds it anew.
        """
        try:
            return self._words.heard(words)
        except IndexDamaged:
            return set(words)

    def search_vectors(
        self, vector: Vector, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """Nearest passages: (id, cosine), best first.

        Nothing for a vector of another embedder than `embedder`.
        """
        return self._nearest("passages", vector, audiences, limit)

    def search_asks(
        self, vector: Vector, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float, str]]:
        """Passages with an ask near the question: (id, cosine of its best ask, that ask).

        Best first, one for each passage; passages that share an ask come one after another.
        """
        near = self._nearest("asks", vector, audiences, _ASKS * limit)
        best: dict[str, tuple[float, str]] = {}
        for start in range(0, len(near), _ASKS_AT_ONCE):
            cosines = dict(near[start : start + _ASKS_AT_ONCE])
            for id_, content, text in self._records.asking(cosines, audiences):
                best[id_] = max(best.get(id_, (-2.0, "")), (cosines[content], text))
            # The asks that follow are less near than all of these.
            if len(best) >= limit:
                break
        rows = [(id_, cosine, text) for id_, (cosine, text) in best.items()]
        return sorted(rows, key=lambda row: (-row[1], row[0]))[:limit]

    def _nearest(
        self, kind: Kind, vector: Vector, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float]]:
        self._opened.wait(_OPENING_SECONDS)
        with self._searched:
            vectors, serving = self._vectors, self._serving.now
            if serving is None or len(vector) != serving.dimensions:
                return []
            self._searches[serving.name] += 1
        try:
            if vectors is not None:
                names = names_of(serving.name, serving.dimensions)
                wanted = [names[kind, each] for each in audiences]
                return vectors.search(vector, [n for n in wanted if n in self._filled], limit)
            damage = ""
        except IndexDamaged as error:
            damage = error.detail
        finally:
            with self._searched:
                self._searches[serving.name] -= 1
                self._searched.notify_all()
        if damage:
            self._rebuild(damage)
        return self._load_exact(serving.name).search(kind, vector, audiences, limit)

    def _load_exact(self, embedder: str) -> Exact:
        """The records' vectors in memory, loaded once for each state of the records."""
        with self._exact_lock:
            state = f"{self._records.generation()} {embedder}"
            held = self._exact
            if held is None or held[0] != state:
                held = state, Exact(self._records.embeddings, embedder)
                # Once Chroma answers again nobody would free it.
                self._exact = held if self._vectors is None else None
            return held[1]

    def health(self) -> Health:
        """How the index is at this moment."""
        held = self._words.count()
        at_work = self._worker.is_alive() or self._embedder_worker.is_alive()
        serving = self._serving.now
        if self._vectors is None or serving is None or (held and not self._filled):
            state = "rebuilding" if at_work else "damaged"
        else:
            state = "ok" if held else "empty"
        return Health(
            self._records.count(),
            held,
            state,
            self._damage or self._serving.lost,
            serving.name if serving is not None else "",
            self._serving.behind,
        )

    def close(self) -> None:
        """Finish a rebuild under way and close both caches; no other is begun."""
        with self._lock:
            # The home may be another process's from now on.
            self._closed = True
        self.wait()
        self._embedder_worker.join()
        self.wait()
        with self._lock:
            if self._vectors is not None:
                self._vectors.close()
                self._vectors = None
            self._words.close()
