"""Vectors: one Chroma collection per audience, a cache of the records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import chromadb
from chromadb.api import ClientAPI
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.errors import ChromaError, NotFoundError

from copilot.errors import IndexDamaged
from copilot.playbook.evidence import AUDIENCES, Audience, Vector

# Rows per call; Chroma refuses more than its SQLite's variable limit allows (5 461).
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Canary:
    """Vectors that must be found when asked for, and how many a collection must hold at least.

    Several, since a few flipped bits in Chroma's graph harm only the searches that pass them.
    """

    count: int
    vectors: tuple[tuple[float, ...], ...]


def names_of(embedder: str) -> dict[Audience, str]:
    """The collections' names for an embedder (Chroma takes no Chinese in them)."""
    mark = hashlib.sha256(embedder.encode()).hexdigest()[:8]
    return {each: f"{each}-{mark}" for each in AUDIENCES}


class Vectors:
    """The vector collections below one folder. One process owns the folder (design.md)."""

    def __init__(self, path: Path, embedder: str) -> None:
        """Open the folder, making collections that are missing.

        Args:
            embedder: the embedder's name; another embedder uses other collections.

        Raises:
            IndexDamaged: Chroma cannot open what is there.
        """
        path.mkdir(parents=True, exist_ok=True)
        self.names = names_of(embedder)
        with _wrapped(path.name):
            self._client = _client(str(path))
            try:
                self._collections = {
                    audience: self._client.get_or_create_collection(
                        name,
                        # Cosine: the default space lost recall to a single zero vector (design.md).
                        configuration={"hnsw": {"space": "cosine"}},
                        embedding_function=None,
                    )
                    for audience, name in self.names.items()
                }
            except BaseException:
                self._client.close()
                raise

    def drop_others(self) -> None:
        """Delete the collections of other embedders."""
        with _wrapped("listing"):
            for collection in self._client.list_collections():
                if collection.name not in self.names.values():
                    self._client.delete_collection(collection.name)

    def put(self, audience: Audience, ids: Sequence[str], vectors: Sequence[Vector]) -> None:
        """Add vectors or replace them."""
        collection = self._collections[audience]
        with _wrapped(collection.name):
            for start in range(0, len(ids), _BATCH):
                collection.upsert(
                    ids=list(ids[start : start + _BATCH]),
                    embeddings=list(vectors[start : start + _BATCH]),
                )

    def drop(self, name: str, ids: Sequence[str]) -> None:
        """Remove vectors from a collection by its name; a missing one holds nothing."""
        with _wrapped(name):
            try:
                collection = self._client.get_collection(name, embedding_function=None)
            except NotFoundError:
                return
            for start in range(0, len(ids), _BATCH):
                collection.delete(ids=list(ids[start : start + _BATCH]))

    def ids(self) -> dict[Audience, set[str]]:
        """What each collection holds."""
        with _wrapped("listing"):
            return {
                audience: set(collection.get(include=[])["ids"])
                for audience, collection in self._collections.items()
            }

    def search(
        self, vector: Vector, audiences: Iterable[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """The nearest passages, best first: (id, cosine similarity −1…1).

        Raises:
            IndexDamaged: a collection does not answer.
        """
        hits: list[tuple[str, float]] = []
        for audience in audiences:
            collection = self._collections[audience]
            with _wrapped(collection.name):
                found = collection.query(
                    query_embeddings=[vector], n_results=limit, include=["distances"]
                )
            distances = (found["distances"] or [[]])[0]
            hits.extend(
                (id_, 1.0 - float(distance))
                for id_, distance in zip(found["ids"][0], distances, strict=True)
            )
        hits.sort(key=lambda hit: (-hit[1], hit[0]))
        return hits[:limit]

    def check(self, canaries: Mapping[Audience, Canary]) -> None:
        """Ask each collection for a vector it must hold.

        A deleted segment folder answers every query with nothing and no error (design.md), so the
        count and the canaries' own similarity are both looked at.

        Raises:
            IndexDamaged: a collection is short, or its canaries do not come back.
        """
        for audience, canary in canaries.items():
            collection = self._collections[audience]
            with _wrapped(collection.name):
                count = collection.count()
                found = collection.query(
                    query_embeddings=[list(vector) for vector in canary.vectors],
                    n_results=1,
                    include=["distances"],
                )
            # More than expected is what a crash between storing and noting leaves: no harm.
            if count < canary.count:
                raise IndexDamaged(
                    f"collection {collection.name!r} holds {count} vectors of {canary.count}."
                )
            # Another passage may have the very same text: its vector is as good a canary.
            lost = sum(
                not distances or float(distances[0]) > 1e-3
                for distances in found["distances"] or []
            )
            # Search is approximate: one that the graph does not lead to is no damage.
            if lost > len(canary.vectors) // 4:
                raise IndexDamaged(f"collection {collection.name!r} lost its canaries.")

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
