"""Scope: from its wording alone, whether a question is of the kind that playbooks answer."""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from copilot.language.normalize import search_form

SHIPPED = Path(__file__).parent / "shipped" / "scope.npz"

# Runs of one to three characters fall into so many buckets.
BUCKETS = 1 << 15
LONGEST = 3


def grams(text: str) -> NDArray[np.int64]:
    """The buckets of a text's runs of characters, each once, sorted."""
    form = f"^{search_form(text)}$"
    runs = {form[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(form) - n + 1)}
    return np.array(sorted({zlib.crc32(run.encode()) % BUCKETS for run in runs}), dtype=np.int64)


@lru_cache(maxsize=1)
def _weights() -> tuple[NDArray[np.float32], float]:
    with np.load(SHIPPED) as held:
        scale = float(held["scale"])
        return held["weights"].astype(np.float32) * scale, float(held["intercept"])


def score(question: str) -> float:
    """How much the wording is that of a question with an answer in a playbook.

    A linear model on runs of characters, trained by `python -m evals.calibrate` on the entries'
    asks against questions that the playbook does not answer (docs/decisions/0010). Positive: more
    like the former. It knows no document: the evidence has the last word.
    """
    weights, intercept = _weights()
    found = grams(question)
    return float(weights[found].sum() / np.sqrt(max(1, len(found))) + intercept)


def save(path: Path, weights: NDArray[np.float64], intercept: float) -> None:
    """Write a model, int8 with one scale.

    Args:
        weights: one for each bucket, (`BUCKETS`,).
    """
    scale = float(np.abs(weights).max()) / 127
    small = np.round(weights / scale).astype(np.int8)
    np.savez_compressed(path, weights=small, intercept=intercept, scale=scale)
