"""Search: vectors and words added on one scale, then each candidate's best statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from copilot.language import normalize, segment
from copilot.models.embedder import Embedder
from copilot.playbook.evidence import VISIBLE, Audience, Hit, Passage
from copilot.playbook.index import Index
from copilot.playbook.records import Records

# Candidates taken from each list, and how many of them are looked at statement by statement.
CANDIDATES = 60
RERANKED = 40

# The score is the passage's cosine, plus `STATEMENT` times that of its nearest statement (the mean
# of a long passage hides the one line that answers), plus `WORDS` times its BM25 as a share of the
# best one's, times the share of the question's words which that best one has. Chosen on
# evals/data/questions.dev.jsonl (`python -m evals.tune`). Standardising each list by itself gave
# the noise of the words a full vote when a question shares none with its answer: recall@1 on the
# hard questions was 0.12 against 0.40.
STATEMENT = 0.6
WORDS = 0.3

# What a passage loses for saying what a better one says already, in standard deviations, and how
# many further ones may take the places of those that lose.
REPEATED = 1.0
_SPARE = 4

# Passages whose statements' and asks' vectors are kept: about 10 and 20 kB each.
_KEPT = 2048

Numbers = NDArray[np.float64]


class Searcher:
    """Finds passages for questions."""

    def __init__(self, records: Records, index: Index, embedder: Embedder) -> None:
        self._records = records
        self._index = index
        self._embedder = embedder
        self._statements = lru_cache(_KEPT)(self._embed_statements)
        self._asks = lru_cache(_KEPT)(self._embed_asks)

    def search(self, question: str, audience: Audience, k: int) -> list[Hit]:
        """The ``k`` best passages that this audience may see, best first.

        `Hit.score` is in standard deviations above the candidates, `Hit.lexical` raw BM25,
        `Hit.dense` the weighted mean of the passage's and its nearest statement's cosine.
        """
        audiences = VISIBLE[audience]
        lexical = dict(self._index.search_words(question, audiences, CANDIDATES))
        vector = self._embedder.encode([question])[0]
        dense = dict(self._index.search_vectors(vector, audiences, CANDIDATES))
        ids = list(dict.fromkeys([*dense, *lexical]))
        passages = self._records.passages(ids, audiences)
        ids = [id_ for id_ in ids if id_ in passages]
        if not ids:
            return []
        words = np.array([lexical.get(id_, 0.0) for id_ in ids])
        near = _filled(ids, dense)
        first = near + WORDS * _voice(question, [passages[id_] for id_ in ids], words)
        chosen = np.argsort(-first, kind="stable")[:RERANKED]
        said = np.array([self._nearest(vector, passages[ids[i]]) for i in chosen])
        best = np.full(len(ids), said.min())
        best[chosen] = said
        score = _standardised(first + STATEMENT * best)
        similar = (near + STATEMENT * best) / (1 + STATEMENT)
        hits = [
            Hit(passages[ids[i]], float(score[i]), float(words[i]), float(similar[i]))
            for i in np.argsort(-score, kind="stable")[: k + _SPARE]
        ]
        return _without_repeats(hits)[:k]

    def _nearest(self, vector: NDArray[np.float32], passage: Passage) -> float:
        """Cosine of the passage's statement, or of its ask, that is nearest to the question."""
        nearest = float((self._statements(passage.text) @ vector).max())
        if passage.asks:
            nearest = max(nearest, float((self._asks(passage.asks) @ vector).max()))
        return nearest

    def _embed_asks(self, asks: tuple[str, ...]) -> NDArray[np.float32]:
        return self._embedder.encode(asks)

    def _embed_statements(self, text: str) -> NDArray[np.float32]:
        # A title's worth of characters says nothing by itself.
        statements = [each for each in segment.sentences(text) if len(each) > 3]
        return self._embedder.encode(statements or [text])


def _voice(question: str, passages: Sequence[Passage], words: Numbers) -> Numbers:
    """What the words say for each passage (0–1): little when even the best one shares few."""
    wanted = segment.content_words(question)
    best = passages[int(words.argmax())]
    text = _form("\n".join((best.title, best.section, best.text, *best.asks)))
    if not wanted or not words.any():
        return np.zeros(len(words))
    share = sum(word in text for word in wanted) / len(wanted)
    voice: Numbers = share * words / words.max()
    return voice


def _filled(ids: Sequence[str], scores: Mapping[str, float]) -> Numbers:
    """The scores in order; what is missing is no better than the worst that was found."""
    worst = min(scores.values(), default=0.0)
    return np.array([scores.get(id_, worst) for id_ in ids])


def _standardised(values: Numbers) -> Numbers:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros_like(values)


def _without_repeats(hits: list[Hit]) -> list[Hit]:
    """Move passages down that repeat a better one (documents often say a thing twice)."""
    kept: list[tuple[float, Hit]] = []
    seen: list[frozenset[str]] = []
    for hit in hits:
        text = _form(hit.passage.text)
        grams = frozenset(text[i : i + 3] for i in range(max(1, len(text) - 2)))
        repeated = any(len(grams & other) > 0.7 * min(len(grams), len(other)) for other in seen)
        kept.append((hit.score - REPEATED if repeated else hit.score, hit))
        seen.append(grams)
    kept.sort(key=lambda pair: -pair[0])
    return [hit for _, hit in kept]


@lru_cache(_KEPT)
def _form(text: str) -> str:
    return normalize.search_form(text)
