"""The gate: a calibrated probability that the hits answer the question; below it, refusal."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from functools import lru_cache

from copilot.language import normalize, segment
from copilot.playbook import cues
from copilot.playbook.evidence import Audience, Evidence, Hit, Passage

# Logistic regression on evals/data/questions.dev.jsonl and everyday.jsonl, fitted by
# `python -m evals.calibrate`, which also chooses the intercept: at probability 0.5 at most one
# answerable question in twenty is refused (docs/decisions/0006-evals.md). Order: see `Features`.
INTERCEPT = -5.58
WEIGHTS = (19.63, -5.19, -6.29, -5.87, -5.35)

# More similarity than this says nothing more: a false premise is as near to its passage as a fair
# question (0.45 is where nine of ten everyday questions that the playbook does not answer end).
_NEAR = 0.45

# Hits that a claim is held against; further down, chance agreement outweighs evidence.
_READ = 3

_STATEMENT = re.compile(r"[。;!?\n]+")


@dataclass(frozen=True, slots=True)
class Features:
    """What the gate looks at. Each can be told to a person."""

    similarity: float
    """Similarity of the best hit (`Hit.dense`, −1…1), counted up to 0.45."""
    said: float
    """1 when the question says that a document says so."""
    live: float
    """1 when only the asker's own records could answer."""
    contradicted: float
    """In how many ways the question's claim differs from the evidence (0–3)."""
    absent: float
    """How much of what an answer would have to name is not in the evidence (0–4)."""


def features(question: str, hits: Sequence[Hit]) -> Features:
    """What the gate looks at, for non-empty hits."""
    form = normalize.search_form(question)
    passages = [_form(hit.passage) for hit in hits[:_READ]]
    statement = _nearest(segment.content_words(question), passages)
    evidence = "\n".join(passages)
    return Features(
        similarity=min(max(hit.dense for hit in hits[:_READ]), _NEAR),
        said=float(cues.said(form)),
        live=float(cues.live(form)),
        contradicted=float(cues.contradictions(form, statement, evidence)),
        absent=float(cues.absent(question, form, evidence)),
    )


def judge(question: str, audience: Audience, hits: Sequence[Hit], threshold: float) -> Evidence:
    """Decide whether the hits are evidence enough.

    Args:
        threshold: probability (0–1) below which nothing may be composed.
    """
    if not hits:
        return Evidence(question, audience, (), False, 0.0, "nothing was found")
    if not segment.content_words(question) or len(set(re.sub(r"\W", "", question))) < 2:
        reason = "no word of the question says what it is about"
        return Evidence(question, audience, tuple(hits), False, 0.0, reason)
    found = features(question, hits)
    confidence = probability(found)
    enough = confidence >= threshold
    reason = (
        f"probability {confidence:.2f} {'≥' if enough else '<'} {threshold:.2f}: {_told(found)}"
    )
    return Evidence(question, audience, tuple(hits), enough, confidence, reason)


def probability(found: Features) -> float:
    """Probability (0–1) that a question with these features is answered by its hits."""
    logit = INTERCEPT + sum(w * v for w, v in zip(WEIGHTS, astuple(found), strict=True))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def _told(found: Features) -> str:
    """The features that are not nought, for the gap list."""
    values = zip(fields(found), astuple(found), strict=True)
    return ", ".join(f"{field.name} {value:.2f}" for field, value in values if value)


@lru_cache(maxsize=1024)
def _form(passage: Passage) -> str:
    return normalize.search_form("\n".join((passage.title, passage.section, passage.text)))


def _nearest(wanted: Sequence[str], passages: Sequence[str]) -> str:
    """The statement with most of the wanted words."""
    statements = [part for text in passages for part in _STATEMENT.split(text) if part.strip()]
    return max(statements, key=lambda each: sum(word in each for word in wanted), default="")
