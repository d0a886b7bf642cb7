"""Static vectors: the pieces text is cut into, and the folder that model2vec serves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import log
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from model2vec.persistence import save_pretrained
from numpy.typing import NDArray
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import Unigram

from copilot.language.vocabulary import Vocabulary

Vectors = NDArray[np.float32]

_UNKNOWN = "[UNK]"
_LONGEST = 4  # characters of a Chinese piece; longer words share their parts' vectors
_LONGEST_LATIN = 16
_SEEN = 3  # a piece seen less often than this learns nothing
_HAN = "\u3400-\u9fff"
_RUN = re.compile(rf"(?P<han>[{_HAN}]+)|[a-z]+|[0-9]+|\S")


def count(texts: Iterable[str], terms: Iterable[str]) -> Counter[str]:
    """Count the words, Latin runs, numbers and signs of texts.

    Args:
        texts: in search form.
        terms: words to keep whole, in search form.
    """
    words = Vocabulary()
    words.add(sorted(term for term in set(terms) if re.fullmatch(f"[{_HAN}]+", term)))
    return Counter(word for text in texts for word in _cut(text, words))


def tokenizer(counts: Counter[str], size: int) -> Tokenizer:
    """Make the tokenizer: single characters, and the words that are seen most.

    A Unigram model like the one `tokenizers` trains, but with counted words for pieces. Its trainer
    took three times as long and wrote other files from one run to the next (its threads add up
    floats in any order), and it glued words that only stand together in some asks.

    Args:
        counts: how often each word is seen.
        size: pieces at most, single characters included.
    """
    singles: Counter[str] = Counter()
    for word, times in counts.items():
        for character in word:
            singles[character] += times
    characters = [character for character, times in singles.items() if times > 1]
    whole = [word for word, times in counts.items() if times >= _SEEN and _fits(word)]
    whole.sort(key=lambda word: (-counts[word], word))
    # A character alone counts half, so that two do not outweigh the word they make.
    weights = {word: float(counts[word]) for word in whole[: max(size - 1 - len(characters), 0)]}
    weights |= {one: max(counts[one], 1) / 2 for one in characters}
    total = log(counts.total() or 1)
    pieces = sorted(weights, key=lambda piece: (-weights[piece], piece))
    model = Unigram(
        [(_UNKNOWN, 0.0), *((piece, round(log(weights[piece]) - total, 4)) for piece in pieces)],
        unk_id=0,
    )
    made = Tokenizer(model)
    # The search form has this already; who loads the folder elsewhere needs it.
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


def parts(pieces: Tokenizer) -> dict[int, tuple[int, ...]]:
    """The characters of each Chinese word among the pieces, as token ids."""
    ids = pieces.get_vocab()
    return {
        number: tuple(ids[character] for character in piece if character in ids)
        for piece, number in ids.items()
        if len(piece) > 1 and re.fullmatch(f"[{_HAN}]+", piece)
    }


def fold(vectors: Vectors, inside: Mapping[int, Sequence[int]]) -> Vectors:
    """Add to each word's vector those of its characters (``inside``, from `parts`).

    A text's vector is the sum of its pieces' vectors, so this equals summing over words and
    characters, as fastText does, at no cost when served.
    """
    folded = vectors.copy()
    for number, characters in inside.items():
        folded[number] += vectors[list(characters)].sum(axis=0)
    return folded


def _cut(text: str, words: Vocabulary) -> Iterator[str]:
    for run in _RUN.finditer(text):
        if run["han"]:
            yield from words.cut(run["han"])
        else:
            yield run[0]


def _fits(word: str) -> bool:
    return 1 < len(word) <= (_LONGEST_LATIN if word.isascii() else _LONGEST)


def unpack(model: StaticModel) -> Vectors:
    """A static model's vectors, one row per token id, with its scales multiplied in."""
    rows = np.asarray(model.embedding)
    if model.token_mapping is not None:
        rows = rows[model.token_mapping]
    rows = rows.astype(np.float32)
    return rows if model.weights is None else rows * model.weights[:, None].astype(np.float32)


def save(folder: Path, pieces: Tokenizer, vectors: Vectors) -> None:
    """Save as model2vec does, in int8 with one float32 scale per row.

    model2vec's own int8 has one scale for all rows and cannot be loaded by `SentenceTransformer`
    (torch gives integers no gradient). Scales go where model2vec keeps per-token weights, which
    both multiply in, and rare pieces keep their seven bits.

    Args:
        folder: made if missing; files in it are overwritten.
        pieces: the tokenizer; its unknown token's row is saved as zeros, so that a reader which
            does not leave unknown tokens out adds nothing for them.
        vectors: float32, shape (pieces, dimensions).
    """
    vectors = vectors.copy()
    vectors[pieces.token_to_id(_UNKNOWN)] = 0
    scales = np.abs(vectors).max(axis=1) / 127
    rows = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    model = StaticModel(rows, pieces, normalize=True, weights=scales, max_length=None)
    save_pretrained(
        folder,
        model.embedding,
        model.tokenizer,
        model.config,
        create_model_card=False,
        weights=model.weights,
    )
