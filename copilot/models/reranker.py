"""Reranker: a cross-encoder that reads question and passage together, where one is set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from copilot.errors import EmbedderError

Rerank = Callable[[str, Sequence[str]], NDArray[np.float64]]
"""A question and passages in, one score for each passage out: higher is better, any scale."""


def load(name: str) -> Rerank | None:
    """Load a cross-encoder by the setting `reranker`.

    Args:
        name: a sentence-transformers cross-encoder's folder, or its name on the Hugging Face hub
            (downloaded on first use); empty for none. Needs torch, which nothing else does.

    Raises:
        EmbedderError: there is no such model, or it gives more than one score.
    """
    if not name.strip():
        return None
    # torch and sentence-transformers take seconds and 480 MB: only who asks for them pays.
    from sentence_transformers import CrossEncoder

    folder = Path(name).expanduser()
    try:
        model = CrossEncoder(str(folder) if folder.exists() else name)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise EmbedderError(
            f"reranker {name!r} cannot be loaded: {error}.",
            remedy="Set COPILOT_RERANKER to a cross-encoder's folder or hub name, or unset it.",
        ) from error
    if model.num_labels != 1:
        raise EmbedderError(
            f"{name!r} gives {model.num_labels} scores for a pair, not one.",
            remedy="Set COPILOT_RERANKER to a cross-encoder made for ranking.",
        )
    one_at_a_time = threading.Lock()  # the tokenizers of transformers raise "Already borrowed"

    def rerank(question: str, passages: Sequence[str]) -> NDArray[np.float64]:
        pairs = [(question, passage) for passage in passages]
        with one_at_a_time:
            scores = model.predict(pairs, convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(scores, dtype=np.float64).reshape(len(passages))

    return rerank
