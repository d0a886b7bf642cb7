"""Exact: nearest vectors by NumPy, straight from the records, while Chroma cannot answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from copilot.playbook.embeddings import Embeddings, Kind
from copilot.playbook.evidence import Audience, Vector

# Most vectors that are loaded: 200 MB at 256 dimensions, and 5 ms for a search (design.md).
MOST = 200_000


class Exact:
    """All vectors of an embedder in memory, as they were when it was made."""

    def __init__(self, embeddings: Embeddings, embedder: str) -> None:
        """Load the vectors, unless there are more than `MOST`: then nothing is ever found."""
        stored = embeddings.stored(embedder)
        if sum(map(len, stored.values())) > MOST:
            stored = {}
        self._held: dict[tuple[Kind, Audience], tuple[list[str], NDArray[np.float32]]] = {}
        for key, contents in stored.items():
            vectors = embeddings.vectors(contents.values(), embedder)
            ids = [id_ for id_, content in contents.items() if content in vectors]
            if ids:
                self._held[key] = ids, np.stack([vectors[contents[id_]] for id_ in ids])

    def search(
        self, kind: Kind, vector: Vector, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """The nearest of a kind, best first: (id, cosine); an id in several audiences once."""
        best: dict[str, float] = {}
        for audience in audiences:
            ids, vectors = self._held.get((kind, audience), ([], None))
            if vectors is None:
                continue
            cosines = vectors @ vector
            first = np.argpartition(-cosines, min(limit, len(ids)) - 1)[:limit]
            for place in first:
                id_ = ids[place]
                best[id_] = max(best.get(id_, -1.0), float(cosines[place]))
        return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))[:limit]
