"""Multiple-negatives ranking: the table that learns, its loss, and the news of its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from transformers import TrainerCallback

Ids = NDArray[np.int32]


class Table(StaticEmbedding):  # type: ignore[misc] # untyped
    """The table of vectors while it learns: a word is read as itself and as its characters.

    ``inside`` are each word's characters, as token ids. What a text was cut into is kept, since
    cutting takes longer than learning and most texts come up again.
    """

    def __init__(
        self, tokenizer: Tokenizer, vectors: torch.Tensor, inside: Mapping[int, Sequence[int]]
    ) -> None:
        super().__init__(tokenizer, embedding_weights=vectors)
        self._inside = inside
        self._cut: dict[str, Ids] = {}

    def preprocess(
        self, inputs: list[str], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Token ids of all texts in a row, and where each text begins."""
        del prompt, kwargs
        new = [text for text in dict.fromkeys(inputs) if text not in self._cut]
        for text, cut in zip(new, self.tokenizer.encode_batch_fast(new), strict=True):
            ids = [each for one in cut.ids for each in (one, *self._inside.get(one, ()))]
            self._cut[text] = np.array(ids, dtype=np.int32)
        rows = [self._cut[text] for text in inputs]
        offsets = np.cumsum([0, *(len(row) for row in rows[:-1])])
        flat = np.concatenate(rows).astype(np.int64)
        return {"input_ids": torch.from_numpy(flat), "offsets": torch.from_numpy(offsets)}


class TopicRanking(torch.nn.Module):
    """Multiple-negatives ranking in which a pair's own topic is never a negative.

    The library's loss takes every other positive of the batch for a negative; here many pairs of a
    batch ask about the same thing. Hard negatives stand beside the positives where a pair has one.
    """

    def __init__(self, model: SentenceTransformer, scale: float = 20.0) -> None:
        super().__init__()
        self.model = model
        self.scale = scale  # 1 / temperature; the library's default

    def forward(
        self, sentence_features: Sequence[dict[str, torch.Tensor]], labels: torch.Tensor
    ) -> torch.Tensor:
        """The mean loss of a batch; ``labels`` are topics, those below 0 are of none."""
        anchor, positive, negative = (
            torch.nn.functional.normalize(self.model(features)["sentence_embedding"], dim=1)
            for features in sentence_features
        )
        near = anchor @ positive.T
        own = (labels[:, None] == labels[None, :]) & (labels[:, None] >= 0)
        near = near.masked_fill(own.fill_diagonal_(False), -torch.inf)
        given = negative.detach().abs().sum(dim=1) > 0  # an empty text is a vector of zeros
        near = torch.cat([near, anchor @ negative[given].T], dim=1)
        right = torch.arange(len(anchor))
        return torch.nn.functional.cross_entropy(near * self.scale, right)


class Reporting(TrainerCallback):
    def __init__(self, progress: Callable[[int, int], None]) -> None:
        self.progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell how many of all steps are done."""
        del args, control, kwargs
        self.progress(state.global_step, state.max_steps)
