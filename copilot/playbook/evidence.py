"""What a search hands to whoever answers: passages, hits, and whether they are enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

# float32, unit length, shape (dimensions,).
Vector = NDArray[np.float32]

Audience = Literal["member", "operator", "trainee"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)

# Who may be answered from what. Members see member passages only; operators and trainees are staff
# and read the whole playbook (design.md, "Evidence, citations, refusal").
VISIBLE: dict[Audience, tuple[Audience, ...]] = {
    "member": ("member",),
    "operator": AUDIENCES,
    "trainee": AUDIENCES,
}


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that can be cited.

    ``section`` is the heading path below the title, joined by `` › ``; ``text`` is the body as the
    author wrote it (cleaned, original script), without its headings.
    """

    id: str
    source: str
    title: str
    section: str
    text: str
    audience: Audience
    position: int = 0
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """Why a passage came up.

    ``body``, ``statement`` and ``ask`` are the cosines of the passage, its nearest statement and
    its nearest ask (−1…1), ``asked`` is that ask; ``words`` are the question's words that stand in
    the passage or its asks, ``terms`` what the glossary calls others of them (`回头客 → 复购`).
    """

    body: float = 0.0
    statement: float = 0.0
    ask: float = 0.0
    asked: str = ""
    words: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that came up, with its fused score (standard deviations above the candidates)."""

    passage: Passage
    score: float
    lexical: float = 0.0
    dense: float = 0.0
    why: Why = Why()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The hits for one question and the gate's verdict on them.

    ``confidence`` is the calibrated probability (0–1) that the hits answer the question;
    ``enough`` is whether it reaches the gate's threshold; ``reason`` says why, in English;
    ``premise`` that the playbook speaks of it otherwise than the question takes for granted.
    """

    question: str
    audience: Audience
    hits: tuple[Hit, ...]
    enough: bool
    confidence: float
    reason: str
    premise: bool = False
