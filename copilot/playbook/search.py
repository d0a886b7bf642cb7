"""Search: words and vectors, their standardised scores added, lightly reranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from copilot.language import normalize, segment
from copilot.models.embedder import Embedder
from copilot.playbook.evidence import VISIBLE, Audience, Hit, Passage
from copilot.playbook.index import Index
from copilot.playbook.records import Records

# Candidates taken from each list, and the weights of the sum. Chosen on
# evals/data/questions.dev.jsonl with `python -m evals.tune`. Standardised scores are added because
# fusing ranks lost 5–10 points of recall@1 against BM25 alone (design.md).
CANDIDATES = 60
DENSE = 0.8
COVERAGE = 0.6
# What a passage loses for saying what a better one says already.
REPEATED = 1.0


class Searcher:
    """Finds passages for questions."""

    def __init__(self, records: Records, index: Index, embedder: Embedder) -> None:
        self._records = records
        self._index = index
        self._embedder = embedder

    def search(self, question: str, audience: Audience, k: int) -> list[Hit]:
        """The ``k`` best passages that this audience may see, best first."""
        audiences = VISIBLE[audience]
        lexical = dict(self._index.search_words(question, audiences, CANDIDATES))
        vector = self._embedder.encode([question])[0]
        dense = dict(self._index.search_vectors(vector, audiences, CANDIDATES))
        ids = list(dict.fromkeys([*lexical, *dense]))
        passages = self._records.passages(ids, audiences)
        ids = [id_ for id_ in ids if id_ in passages]
        if not ids:
            return []
        covered = coverage(question, [passages[id_] for id_ in ids])
        score = (
            _standardised(ids, lexical, 0.0)
            + DENSE * _standardised(ids, dense, min(dense.values(), default=0.0))
            + COVERAGE * _scaled(covered)
        )
        order = np.argsort(-score, kind="stable")
        hits = [
            Hit(
                passages[ids[i]],
                float(score[i]),
                lexical.get(ids[i], 0.0),
                dense.get(ids[i], 0.0),
            )
            for i in order
        ]
        return _without_repeats(hits)[:k]


def coverage(
    question: str, passages: Sequence[Passage]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Share of the question's content words that each passage holds (0–1), shape (n,)."""
    wanted = set(segment.content_words(question))
    if not wanted:
        return np.zeros(len(passages))
    texts = [
        normalize.search_form("\n".join((p.title, p.section, p.text, *p.asks))) for p in passages
    ]
    return np.array([sum(word in text for word in wanted) / len(wanted) for text in texts])


def _scaled(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros_like(values)


def _standardised(
    ids: Sequence[str], scores: Mapping[str, float], missing: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return _scaled(np.array([scores.get(id_, missing) for id_ in ids]))


def _without_repeats(hits: list[Hit]) -> list[Hit]:
    """Move passages down that repeat a better one (documents often say a thing twice)."""
    kept: list[tuple[float, Hit]] = []
    seen: list[frozenset[str]] = []
    for hit in hits[:20]:
        text = normalize.search_form(hit.passage.text)
        grams = frozenset(text[i : i + 3] for i in range(max(1, len(text) - 2)))
        repeated = any(len(grams & other) > 0.7 * min(len(grams), len(other)) for other in seen)
        kept.append((hit.score - REPEATED if repeated else hit.score, hit))
        seen.append(grams)
    kept.sort(key=lambda pair: -pair[0])
    return [hit for _, hit in kept] + hits[20:]
