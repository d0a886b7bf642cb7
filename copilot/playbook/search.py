"""Search: vectors and words added on one scale, then each candidate's best statement."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from copilot.language import normalize, segment
from copilot.language.glossary import Glossary, Match
from copilot.models.embedder import Embedder
from copilot.models.reranker import Rerank
from copilot.playbook.evidence import VISIBLE, Audience, Hit, Passage, Why
from copilot.playbook.index import Index
from copilot.playbook.records import Records

# Candidates taken from each list, and how many of them are looked at statement by statement.
CANDIDATES = 60
RERANKED = 15

# The score is the passage's cosine, plus `STATEMENT` times its nearest statement's or ask's (the
# mean of a long passage hides the one line that answers), plus `WORDS` times its BM25 as a share of
# the best one's, times the share of the question's words which that best one has. What the glossary
# calls the question's words counts `GLOSSARY` of what the words themselves do. Chosen on
# evals/data/questions.dev.jsonl (`python -m evals.tune`). Standardising each list by itself gave
# the noise of the words a full vote when a question shares none with its answer: recall@1 on the
# hard questions was 0.12 against 0.40.
STATEMENT = 1.0
WORDS = 0.4
GLOSSARY = 0.5

# What a passage loses for saying what a better one says already, in standard deviations, and how
# many further ones may take the places of those that lose.
REPEATED = 1.0
_SPARE = 4

# Passages whose statements' vectors are kept: about 20 kB each.
_KEPT = 2048
_TITLE = 3

Numbers = NDArray[np.float64]


class Searcher:
    """Finds passages for questions."""

    def __init__(
        self, records: Records, index: Index, glossary: Glossary, rerank: Rerank | None = None
    ) -> None:
        """Args:
        rerank: a cross-encoder that orders the best hits anew.
        """
        self._records = records
        self._index = index
        self._glossary = glossary
        self._rerank = rerank
        # A cross-encoder orders what the others had as second best, too.
        self._wanted = RERANKED if rerank else 0
        # By embedder, since another may be switched to meanwhile.
        self._statements: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, question: str, audience: Audience, k: int) -> list[Hit]:
        """The ``k`` best passages that this audience may see, best first.

        `Hit.score` is in standard deviations above the candidates, `Hit.lexical` raw BM25,
        `Hit.dense` the weighted mean of the passage's cosine and its nearest statement's or ask's;
        `Hit.why` tells what these are made of.
        """
        embedder = self._index.embedder
        found = self._search(question, audience, k, embedder)
        if self._index.embedder is not embedder:
            # The switch to another came in between: its vectors are not to be compared.
            found = self._search(question, audience, k, self._index.embedder)
        return found

    def _search(self, question: str, audience: Audience, k: int, embedder: Embedder) -> list[Hit]:
        audiences = VISIBLE[audience]
        terms = self._glossary.matches(question)
        lexical = self._words(question, terms, audiences)
        vector = embedder.encode([question])[0]
        dense = dict(self._index.search_vectors(vector, audiences, CANDIDATES))
        asked = self._index.search_asks(vector, audiences, CANDIDATES)
        asks = {id_: (cosine, ask) for id_, cosine, ask in asked}
        ids = list(dict.fromkeys([*dense, *asks, *lexical]))
        passages = self._records.passages(ids, audiences)
        ids = [id_ for id_ in ids if id_ in passages]
        if not ids:
            return []
        found = [passages[id_] for id_ in ids]
        words = np.array([lexical.get(id_, 0.0) for id_ in ids])
        body = _filled(ids, dense)
        ask = np.array([asks.get(id_, (-1.0, ""))[0] for id_ in ids])
        first = body + WORDS * _voice(question, terms, found, words)
        chosen = np.argsort(-(first + STATEMENT * np.maximum(body, ask)), kind="stable")[:RERANKED]
        said = np.full(len(ids), -1.0)
        said[chosen] = self._nearest(embedder, vector, [found[i].text for i in chosen])
        best = np.maximum(said, ask)
        best = np.maximum(best, best[chosen].min())
        score = _standardised(first + STATEMENT * best)
        similar = (body + STATEMENT * best) / (1 + STATEMENT)
        hits = []
        for i in np.argsort(-score, kind="stable")[: max(k, self._wanted) + _SPARE]:
            why = Why(
                body=float(body[i]),
                statement=float(said[i]),
                ask=float(max(ask[i], 0.0)),
                asked=asks.get(ids[i], (0.0, ""))[1],
                words=tuple(_shared(question, found[i])),
                terms=tuple(f"{m.word} → {m.term}" for m in terms if m.term in _text(found[i])),
            )
            hits.append(Hit(found[i], float(score[i]), float(words[i]), float(similar[i]), why))
        return self._reranked(question, _without_repeats(hits))[:k]

    def _reranked(self, question: str, hits: list[Hit]) -> list[Hit]:
        """The hits in the order of the cross-encoder, which then gives the score, too."""
        if self._rerank is None or not hits:
            return hits
        texts = ["\n".join((h.passage.title, h.passage.section, h.passage.text)) for h in hits]
        scores = _standardised(self._rerank(question, texts))
        order = np.argsort(-scores, kind="stable")
        return [replace(hits[i], score=float(scores[i])) for i in order]

    def _words(
        self, question: str, terms: Sequence[Match], audiences: Sequence[Audience]
    ) -> dict[str, float]:
        """BM25 of the question's words, and a part of that of their formal terms."""
        lexical = dict(self._index.search_words(question, audiences, CANDIDATES))
        if terms:
            formal = " ".join(dict.fromkeys(match.term for match in terms))
            for id_, score in self._index.search_words(formal, audiences, CANDIDATES):
                lexical[id_] = lexical.get(id_, 0.0) + GLOSSARY * score
        return lexical

    def _nearest(
        self, embedder: Embedder, vector: NDArray[np.float32], texts: Sequence[str]
    ) -> list[float]:
        """For each text the cosine of its statement that is nearest to the question."""
        held = self._held(embedder, texts)
        return [float((vectors @ vector).max()) for vectors in held]

    def _held(self, embedder: Embedder, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """The vectors of each text's statements; what is not kept is embedded in one call."""
        with self._lock:
            kept = ((text, self._statements.get((embedder.name, text))) for text in texts)
            known = {text: vectors for text, vectors in kept if vectors is not None}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            statements = [_statements(text) for text in new]
            together = embedder.encode([each for group in statements for each in group])
            ends = np.cumsum([len(group) for group in statements])
            fresh = dict(zip(new, np.split(together, ends[:-1]), strict=True))
            known |= fresh
            with self._lock:
                for text, each in fresh.items():
                    self._statements[embedder.name, text] = each
                while len(self._statements) > _KEPT:
                    self._statements.popitem(last=False)
        return [known[text] for text in texts]


def _statements(text: str) -> list[str]:
    # A title's worth of characters says nothing by itself.
    return [each for each in segment.sentences(text) if len(each) > _TITLE] or [text]


def _voice(
    question: str, terms: Sequence[Match], passages: Sequence[Passage], words: Numbers
) -> Numbers:
    """What the words say for each passage (0–1): little when even the best one shares few."""
    wanted = segment.content_words(question)
    if not wanted or not words.any():
        return np.zeros(len(words))
    text = _text(passages[int(words.argmax())])
    formal = {match.term for match in terms if match.term in text}
    share = min(1.0, (sum(word in text for word in wanted) + len(formal)) / len(wanted))
    voice: Numbers = share * words / words.max()
    return voice


def _shared(question: str, passage: Passage) -> list[str]:
    """The question's words that stand in a passage or its asks."""
    text = _text(passage)
    return [word for word in segment.content_words(question) if word in text]


def _text(passage: Passage) -> str:
    """All that a passage can be found by, in search form."""
    return _form("\n".join((passage.title, passage.section, passage.text, *passage.asks)))


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
