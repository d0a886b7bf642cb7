"""Outside: questions known to have no answer in a playbook, and how near another is to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from copilot.errors import BadInput
from copilot.models.embedder import Embedder

# How many of the nearest are looked at together.
_SEVERAL = 5


class Outside:
    """The questions' vectors, made by the embedder that is searched with when first asked for."""

    def __init__(self, texts: Iterable[str], embedder: Callable[[], Embedder]) -> None:
        self._texts = tuple(texts)
        self._embedder = embedder
        self._vectors: tuple[str, NDArray[np.float32]] | None = None

    def nearest(self, question: str) -> tuple[float, float]:
        """Cosine (−1…1) of the nearest of them, and the mean of the five nearest; 0 without any."""
        if not self._texts:
            return 0.0, 0.0
        embedder = self._embedder()
        held = self._vectors
        if held is None or held[0] != embedder.name:
            held = embedder.name, embedder.encode(self._texts)
            self._vectors = held
        near = np.sort(held[1] @ embedder.encode([question])[0])[::-1]
        return float(near[0]), float(near[:_SEVERAL].mean())


def read(path: Path) -> list[str]:
    """The questions of a JSONL file with the key ``q``; none when there is no file.

    Raises:
        BadInput: a line is not of this form.
    """
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(str(json.loads(line)["q"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"{path.name} line {number}: {error!r}.", remedy='Use {"q": "…"}, one a line.'
            ) from error
    return found
