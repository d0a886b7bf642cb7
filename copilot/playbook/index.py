"""The index: words and vectors, two caches kept in step with the records by content digest."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from copilot.errors import IndexDamaged
from copilot.playbook.evidence import AUDIENCES, Audience
from copilot.playbook.lexical import Lexical
from copilot.playbook.probe import probe
from copilot.playbook.records import Records, Vector
from copilot.playbook.vectors import Canary, Vectors, names_of

Progress = Callable[[int, int], None]

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Health:
    """How the index is: ``vectors`` is `ok`, `rebuilding` or `empty`; counts are passages."""

    passages: int
    words: int
    vectors: str
    damage: str


class Index:
    """Searches words and vectors; repairs itself from the records.

    Searching words never waits for vectors: while they are rebuilt `search_vectors` returns
    nothing and `Health.vectors` says so.
    """

    def __init__(self, folder: Path, records: Records, embedder: str) -> None:
        """Open the index below ``folder``: catch up on words, then open vectors in a child first.

        Damage found here or later is repaired in a thread from the records; no embedding is
        computed for it.
        """
        self._folder = folder
        self._records = records
        self._embedder = embedder
        self._words = Lexical(folder / "words.db")
        self._vectors: Vectors | None = None
        self._lock = threading.RLock()
        self._worker: threading.Thread | None = None
        self._damage = ""
        self._sync_words(None)
        self._open_vectors()

    @property
    def _chroma(self) -> Path:
        return self._folder / "chroma"

    # Keeping in step -----------------------------------------------------------------------------

    def sync(self, progress: Progress | None = None) -> None:
        """Bring words and vectors into step with the records; waits for a rebuild under way."""
        self.wait()
        self._sync_words(progress)
        with self._lock:
            if self._vectors is None:
                self._open_vectors()
            else:
                self._sync_vectors(self._vectors)
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
            for id_, (digest, audience) in self._records.digests().items()
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
        """Store, then note: a crash between the two stores the same vectors again."""
        items = self._records.load(ids)
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
        """One canary per audience of this embedder that the ledger says is stored."""
        audiences = {name: audience for audience, name in names_of(self._embedder).items()}
        stored: dict[Audience, dict[str, str]] = {}
        for id_, (collection, digest) in self._words.ledger().items():
            if collection in audiences:
                stored.setdefault(audiences[collection], {})[id_] = digest
        canaries: dict[Audience, Canary] = {}
        for audience, digests in stored.items():
            for item in self._records.load(sorted(digests)[:50]):
                if digests[item.passage.id] == item.digest:
                    vector = tuple(float(x) for x in item.embedding)
                    canaries[audience] = Canary(len(digests), item.passage.id, vector)
                    break
        return canaries

    def _open_vectors(self) -> None:
        """Open the vectors, in a child first; anything wrong starts a rebuild."""
        with self._lock:
            try:
                if self._chroma.exists():
                    probe(self._chroma, self._embedder, self._canaries())
                elif self._words.ledger() and not self._chroma.exists():
                    raise IndexDamaged("the folder of the vector index is gone.")
                vectors = Vectors(self._chroma, self._embedder)
                self._sync_vectors(vectors)
                self._vectors = vectors
            except IndexDamaged as damage:
                self._rebuild(damage.detail)

    def check(self) -> bool:
        """Run the canary queries in this process; on damage start a rebuild.

        Returns:
            whether all is well.
        """
        with self._lock:
            if self._vectors is None:
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
            if self._worker is not None and self._worker.is_alive():
                return
            self._damage = damage
            if self._vectors is not None:
                self._vectors.close()
                self._vectors = None
            self._worker = threading.Thread(target=self._rebuild_now, name="rebuild", daemon=True)
            self._worker.start()

    def _rebuild_now(self) -> None:
        shutil.rmtree(self._chroma, ignore_errors=True)
        self._words.clear_vectors()
        self._words.set_mark("vectors", "")
        vectors = Vectors(self._chroma, self._embedder)
        self._sync_vectors(vectors)
        with self._lock:
            self._vectors = vectors
            self._damage = ""

    def wait(self) -> None:
        """Wait until a rebuild under way is done."""
        worker = self._worker
        if worker is not None:
            worker.join()

    # Searching -----------------------------------------------------------------------------------

    def search_words(
        self, question: str, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """Passages that share words with the question: (id, BM25), best first."""
        return self._words.search(question, audiences, limit)

    def search_vectors(
        self, vector: Vector, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """Nearest passages: (id, cosine), best first; nothing while the vectors are rebuilt."""
        vectors = self._vectors
        if vectors is None:
            return []
        try:
            return vectors.search(vector, audiences, limit)
        except IndexDamaged as damage:
            self._rebuild(damage.detail)
            return []

    def health(self) -> Health:
        """How the index is at this moment."""
        held = len(self._words.held())
        state = "rebuilding" if self._vectors is None else "ok" if held else "empty"
        return Health(self._records.count(), held, state, self._damage)

    def close(self) -> None:
        """Finish a rebuild under way and close both caches."""
        self.wait()
        with self._lock:
            if self._vectors is not None:
                self._vectors.close()
                self._vectors = None
            self._words.close()
