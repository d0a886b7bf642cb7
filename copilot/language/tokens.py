"""How many tokens a text costs a language model."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import threading
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Literal

# The vocabulary of `o200k_base`, where tiktoken keeps it when it has been used online: in
# TIKTOKEN_CACHE_DIR, under the SHA-1 of its address. Its counts agree with the tokenizers of Qwen
# and DeepSeek.
_ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
CACHE_NAME = hashlib.sha1(_ADDRESS.encode(), usedforsecurity=False).hexdigest()
O200K_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
# How `o200k_base` divides text before it merges bytes: tiktoken_ext/openai_public.py (MIT), where
# it cannot be had without the download. A test compares the two.
_PATTERNS = (
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
    r"""\p{N}{1,3}""",
    r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
    r"""\s*[\r\n]+""",
    r"""\s+(?!\S)""",
    r"""\s+""",
)
# Merging takes time quadratic in a run without blanks, and a very long run overflows the pattern's
# stack: texts are counted in pieces of this many characters, off by one token a piece at most.
_PIECE = 4000

# The estimate's rule, in tokens. Chinese: 0.7 a character, the design's figure for `o200k_base`
# (docs/decisions/0002-language.md). Words: 1.3 for an ordinary English word, a token for three
# characters of what is no word (keys, hashes). Digits: `o200k_base` takes them by threes. The rest
# is set high rather than low, since counts guard limits.
_CHINESE = 0.7
_WORD = 1.3
_LONGEST_WORD = 12
_LONG_WORD_CHARACTERS = 3.0
_DIGITS = 3
_SIGN = 0.8
_LINE_END = 0.5
_OTHER = 1.5
_ESTIMATED = re.compile(
    r"(?P<chinese>[\u3400-\u4dbf\u4e00-\u9fff]+)|(?P<digits>[0-9]+)|(?P<word>[A-Za-z\u00c0-\u024f]+)"
    r"|(?P<signs>[!-/:-@\[-`{-~、-】，。！？：；（）“”‘’…—]+)|(?P<lines>\s*\n\s*)|(?P<blanks>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)

_counter: Callable[[str], int] | None = None
_source: tuple[Path | None, str] = (None, O200K_SHA256)
_loading = threading.Lock()


def configure(cache_dir: Path | None, *, digest: str = O200K_SHA256) -> None:
    """Say where tiktoken's vocabulary may lie; it is read at the first count, and never fetched.

    Args:
        cache_dir: the folder tiktoken caches into (TIKTOKEN_CACHE_DIR); ``None`` means none.
        digest: SHA-256 of the vocabulary file; a file with another one is not used.
    """
    global _counter, _source
    with _loading:
        _source = (cache_dir, digest)
        _counter = None


def count(text: str) -> int:
    """The number of tokens of a text: exact when the vocabulary is at hand, else estimated.

    The estimate is about 0.7 for a Chinese character, 1.3 for a Latin word, 1 for three digits and
    0.8 for a sign, rounded up.

    Args:
        text: any string.

    Returns:
        0 for the empty text, else at least 1.
    """
    counter = _counter or _load()
    return sum(counter(text[start : start + _PIECE]) for start in range(0, len(text), _PIECE))


def method() -> Literal["o200k_base", "estimate"]:
    """How `count` counts."""
    return "estimate" if (_counter or _load()) is estimate else "o200k_base"


def estimate(text: str) -> int:
    """The estimated number of tokens, without any vocabulary; see `count`."""
    total = 0.0
    for run in _ESTIMATED.finditer(text):
        length = run.end() - run.start()
        if run.lastgroup == "chinese":
            total += _CHINESE * length
        elif run.lastgroup == "word":
            ordinary = length <= _LONGEST_WORD
            total += _WORD if ordinary else length / _LONG_WORD_CHARACTERS
        elif run.lastgroup == "digits":
            total += ceil(length / _DIGITS)
        elif run.lastgroup == "signs":
            total += _SIGN * length
        elif run.lastgroup == "lines":
            total += _LINE_END + 0.1 * length
        elif run.lastgroup == "blanks":
            # One blank belongs to the word after it.
            total += 0.1 * (length - 1)
        else:
            total += _OTHER
    return max(1, ceil(total)) if text else 0


def _load() -> Callable[[str], int]:
    global _counter
    with _loading:
        if _counter is None:
            folder, digest = _source
            exact = _exact(folder / CACHE_NAME, digest) if folder is not None else None
            _counter = exact or estimate
        return _counter


def _exact(path: Path, digest: str) -> Callable[[str], int] | None:
    """A counter by tiktoken with the vocabulary at ``path``; ``None`` when it cannot be used.

    tiktoken's own loader is not used: it fetches what is missing, deletes a file that does not
    match, and copies what it reads into the temporary folder.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest() != digest:
        return None
    try:
        pairs = (line.split() for line in content.splitlines() if line)
        ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    except (ValueError, binascii.Error):
        return None
    if not all(bytes([byte]) in ranks for byte in range(256)):
        return None
    from tiktoken import Encoding

    encoding = Encoding(
        "o200k_base", pat_str="|".join(_PATTERNS), mergeable_ranks=ranks, special_tokens={}
    )
    return lambda text: len(encoding.encode_ordinary(text))
