"""Vectors: Chroma collections of passages and of asks, one per audience; a cache."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import chromadb
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import Collection
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.errors import ChromaError, NotFoundError

from copilot.errors import IndexDamaged
from copilot.playbook.embeddings import KINDS, Kind
from copilot.playbook.evidence import AUDIENCES, Audience, Vector

# Rows per call: Chroma stops every other thread for as long as one takes (250 ms for 1 000), and a
# search may meet several. Answers must not wait for a rebuild.
_BATCH = 50


# Vectors that Chroma keeps in its log before it writes them to the graph's files. The first search
# after opening reads the log into the graph: 335 ms for its default of 1 000, 20 ms for these.
_UNSYNCED = 100


@dataclass(frozen=True, slots=True)
class Canary:
    """Vectors that must be found when asked for, and how many a collection must hold at least.

    Several, since a few flipped bits in Chroma's graph harm only the searches that pass them.
    """

    count: int
    vectors: tuple[tuple[float, ...], ...]


Names = dict[tuple[Kind, Audience], str]


def names_of(embedder: str, dimensions: int) -> Names:
    """The collections' names for an embedder (Chroma takes no Chinese in them).

    The dimensions are part of them: a collection keeps those of its first vector for ever.
    """
    mark = hashlib.sha256(f"{embedder} {dimensions}".encode()).hexdigest()[:8]
    return {(kind, each): f"{each}-{kind}-{mark}" for kind in KINDS for each in AUDIENCES}


class Vectors:
    """The vector collections below one folder. One process owns the folder (design.md)."""

    def __init__(self, path: Path) -> None:
        """Open the folder, making it if it is missing.

        Raises:
            IndexDamaged: Chroma cannot open what is there.
        """
        path.mkdir(parents=True, exist_ok=True)
        self._collections: dict[str, Collection] = {}
        with _wrapped(path.name):
            self._client = _client(str(path))

    def _collection(self, name: str) -> Collection:
        """A collection by its name, made if missing."""
        found = self._collections.get(name)
        if found is None:
            found = self._collections[name] = self._client.get_or_create_collection(
                name,
                # Cosine: the default space lost recall to a single zero vector (design.md).
                configuration={"hnsw": {"space": "cosine", "sync_threshold": _UNSYNCED}},
                embedding_function=None,
            )
        return found

    def drop_others(self, names: Container[str]) -> None:
        """Delete all collections but these."""
        with _wrapped("listing"):
            for collection in self._client.list_collections():
                if collection.name not in names:
                    self._collections.pop(collection.name, None)
                    self._client.delete_collection(collection.name)

    def put(self, name: str, ids: Sequence[str], vectors: Sequence[Vector]) -> None:
        """Add vectors to a collection or replace them."""
        with _wrapped(name):
            collection = self._collection(name)
            for start in range(0, len(ids), _BATCH):
                collection.upsert(
                    ids=list(ids[start : start + _BATCH]),
                    embeddings=np.stack(vectors[start : start + _BATCH]),
                )

    def drop(self, name: str, ids: Sequence[str]) -> None:
        """Remove vectors from a collection; a missing one holds nothing."""
        with _wrapped(name):
            try:
                collection = self._client.get_collection(name, embedding_function=None)
            except NotFoundError:
                return
            for start in range(0, len(ids), _BATCH):
                collection.delete(ids=list(ids[start : start + _BATCH]))

    def ids(self) -> dict[str, set[str]]:
        """What each collection holds, by its name."""
        with _wrapped("listing"):
            return {
                collection.name: set(collection.get(include=[])["ids"])
                for collection in self._client.list_collections()
            }

    def search(self, vector: Vector, names: Iterable[str], limit: int) -> list[tuple[str, float]]:
        """The nearest in these collections, best first: (id, cosine similarity −1…1).

        An id that is in several of them comes once.

        Raises:
            IndexDamaged: a collection does not answer.
        """
        best: dict[str, float] = {}
        for name in names:
            with _wrapped(name):
                found = self._collection(name).query(
                    query_embeddings=[vector], n_results=limit, include=["distances"]
                )
            distances = (found["distances"] or [[]])[0]
            for id_, distance in zip(found["ids"][0], distances, strict=True):
                best[id_] = max(best.get(id_, -1.0), 1.0 - float(distance))
        return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))[:limit]

    def check(self, canaries: Mapping[str, Canary]) -> None:
        """Ask each collection (by its name) for vectors it must hold.

        A deleted segment folder answers every query with nothing and no error (design.md), so the
        count and the canaries' own similarity are both looked at.

        Raises:
            IndexDamaged: a collection is short, or its canaries do not come back.
        """
        for name, canary in canaries.items():
            with _wrapped(name):
                collection = self._collection(name)
                count = collection.count()
                found = collection.query(
                    query_embeddings=[list(vector) for vector in canary.vectors],
                    n_results=1,
                    include=["distances"],
                )
            # More than expected is what a crash between storing and noting leaves: no harm.
            if count < canary.count:
                raise IndexDamaged(f"collection {name!r} holds {count} vectors of {canary.count}.")
            # Another passage may have the very same text: its vector is as good a canary.
            lost = sum(
                not distances or float(distances[0]) > 1e-3
                for distances in found["distances"] or []
            )
            # Search is approximate: one that the graph does not lead to is no damage.
            if lost > len(canary.vectors) // 4:
                raise IndexDamaged(f"collection {name!r} lost its canaries.")

    def close(self) -> None:
        """Release the folder."""
        self._client.close()


def _client(path: str) -> ClientAPI:
    try:
        return chromadb.PersistentClient(path, chromadb.Settings(anonymized_telemetry=False))
    except BaseException:
        # Chroma keeps a system per path, one that failed to start as well: the folder that takes
        # the damaged one's place would get it.
        SharedSystemClient._identifier_to_system.pop(path, None)
        raise


@contextmanager
def _wrapped(name: str) -> Iterator[None]:
    """Chroma's errors as ours."""
    try:
        yield
    except (ChromaError, ValueError, TypeError, RuntimeError, OSError) as error:
        raise IndexDamaged(f"Chroma cannot use {name!r}: {error}.") from error
