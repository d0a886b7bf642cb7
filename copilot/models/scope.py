"""Scope: from its wording, whether a question is of the kind that playbooks answer."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from copilot.errors import EmbedderError

SHIPPED = Path(__file__).parent / "shipped" / "scope.npz"

# Runs of one to three characters fall into so many buckets.
BUCKETS = 1 << 15
LONGEST = 3

# What each model tells apart, and from which runs: all of a question's, or those that its evidence
# does not have.
HEADS = ("outside", "premise", "outside_new", "premise_new")

Buckets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """How much a question is worded like one with an answer (positive) or without (negative).

    ``outside`` compares with questions that no playbook answers, ``premise`` with those that take
    something wrong for granted; ``…_new`` look only at what the evidence does not say.
    """

    outside: float
    premise: float
    outside_new: float
    premise_new: float


def grams(form: str, known: str = "") -> Buckets:
    """The buckets of a text's runs of characters, each once, sorted.

    Args:
        form: the text in search form.
        known: runs that stand in this are left out.
    """
    marked = f"^{form}$"
    runs = {marked[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(marked) - n + 1)}
    if known:
        runs = {run for run in runs if run.strip("^$") not in known}
    return np.array(sorted({zlib.crc32(run.encode()) % BUCKETS for run in runs}), dtype=np.int64)


def score(form: str, evidence: str) -> Scores:
    """Score a question's wording, alone and beside its evidence (both in search form).

    Linear models on runs of characters, trained by `python -m evals.calibrate` on asks and on
    questions written to have no answer (docs/decisions/0010). They know no document: the evidence
    has a say of its own in the gate.
    """
    weights, intercepts = _model()
    whole, new = grams(form), grams(form, evidence or " ")
    found = [
        weights[i][buckets].sum() / np.sqrt(max(1, len(buckets))) + intercepts[i]
        for i, buckets in enumerate((whole, whole, new, new))
    ]
    return Scores(*map(float, found))


def community(word: str) -> bool:
    """Whether operators use a word (in search form) when they ask about communities."""
    return zlib.crc32(word.encode()) in _words()


@lru_cache(maxsize=1)
def _words() -> frozenset[int]:
    return frozenset(_held()["words"].tolist())


@lru_cache(maxsize=1)
def _model() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    held = _held()
    return held["weights"].astype(np.float32) * held["scales"][:, None], held["intercepts"]


def _held() -> dict[str, NDArray[Any]]:
    try:
        with np.load(SHIPPED) as held:
            return {name: held[name] for name in ("weights", "scales", "intercepts", "words")}
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise EmbedderError(
            f"the wording models cannot be read: {error}.",
            remedy="Install the copilot anew, or run `python -m evals.calibrate` in a clone.",
        ) from error


def save(
    weights: NDArray[Any], intercepts: NDArray[Any], words: Iterable[str], path: Path = SHIPPED
) -> None:
    """Write the models, int8 with one scale each.

    Args:
        weights: (heads, `BUCKETS`); ``intercepts``: (heads,).
        words: what `community` is to know, in search form.
    """
    scales = np.abs(weights).max(axis=1) / 127
    small = np.round(weights / scales[:, None]).astype(np.int8)
    np.savez_compressed(
        path,
        weights=small,
        scales=scales.astype(np.float32),
        intercepts=np.asarray(intercepts, np.float32),
        words=np.array(sorted({zlib.crc32(word.encode()) for word in words}), np.uint32),
    )
    _model.cache_clear()
    _words.cache_clear()
