"""Wording: which characters and pairs of characters a text uses where it is sound."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from importlib import resources
from itertools import pairwise

from copilot.language import normalize

# Weight of a character's overall frequency beside the pairs seen with its neighbour (pseudo-counts
# of the interpolation): a pair seen once outweighs any character that is merely frequent.
PRIOR = 1.0
# Most that the character behind can add to the fit of one.
GAIN = 4.0
# Frequency assumed of a character that the text does not hold.
UNSEEN = 0.05

_PUNCTUATION = frozenset("。，、；：？！“”‘’《》（）·—…")
# Characters folded so far; at most as many as there are.
_folded: dict[int, str] = {}


class Wording:
    """Characters and pairs in the sound parts of one text, traditional folded to simplified.

    Args:
        parts: folded text, cut where something unsound was left out; pairs are not counted across.
    """

    def __init__(self, parts: Iterable[str]) -> None:
        self._singles: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._text = ""
        self.add(parts)

    def add(self, parts: Iterable[str]) -> None:
        """Count more folded text."""
        kept = [part for part in parts if part]
        for part in kept:
            self._singles.update(part)
            self._pairs.update(pairwise(part))
        self._text = "\n".join([self._text, *kept])
        self._total = self._singles.total()

    def count(self, before: str, after: str) -> int:
        """How often the two folded characters stand side by side."""
        return self._pairs.get((before, after), 0)

    def holds(self, phrase: str) -> bool:
        """Whether a folded phrase stands somewhere."""
        return phrase in self._text

    def evidence(self, text: str) -> int:
        """How much of a folded text is known: for each two neighbours the bond, 2 if seen here."""
        return sum(max(2 * (pair in self._pairs), bond(*pair)) for pair in pairwise(text))

    def familiar(self, char: str) -> bool:
        """Whether a folded character is one that Chinese prose, or this text, commonly uses."""
        return (
            char in _PUNCTUATION or char in common_characters() or self._singles.get(char, 0) >= 2
        )

    def fit(self, before: str, char: str, after: str) -> float:
        """How well a folded character fits between its neighbours; only ratios mean something.

        P(char | before) · P(after | char) / P(after), interpolated bigram estimates. The second
        half counts at most `GAIN`, of a character seen twice it says little, and not at all when
        the character behind is not given. A full stop is
        followed by anything, and where one was lost what follows it was never counted: it gains
        by a successor that is known and loses nothing by one that is not.
        """
        here = self._given(before, char, self._frequency(char))
        if not after:
            return here
        following = self._frequency(after)
        there = min(GAIN, self._given(char, after, following) / following)
        return here * (max(1.0, there) if char == "。" else there)

    def _given(self, before: str, char: str, frequency: float) -> float:
        seen = self._pairs.get((before, char), 0)
        return (seen + PRIOR * frequency) / (self._singles.get(before, 0) + PRIOR)

    def _frequency(self, char: str) -> float:
        return (self._singles.get(char, 0) + UNSEEN) / (self._total + 1)


def fold(text: str) -> str:
    """Each traditional character replaced by its simplified one; the length stays the same."""
    if text.isascii():
        return text
    unknown = [char for char in set(text) if char >= "\u3400" and ord(char) not in _folded]
    if unknown:
        # One character a line, so that OpenCC's phrases cannot join them: only 1:1 mappings remain.
        plain = normalize.simplified("\n".join(unknown)).split("\n")
        for char, one in zip(unknown, plain, strict=True):
            _folded[ord(char)] = one if len(one) == 1 else char
    return text.translate(_folded)


@functools.cache
def common_characters() -> frozenset[str]:
    """The 3 755 characters of GB2312 level 1, chosen in 1980 by frequency of use."""
    return frozenset(
        bytes((lead, trail)).decode("gb2312", "ignore")
        for lead in range(0xB0, 0xD8)
        for trail in range(0xA1, 0xFF)
    ) - {""}


def bond(before: str, after: str) -> int:
    """How common the two folded characters are side by side within words: 0 (not) to 3 (very)."""
    return _bonds().get(before, {}).get(after, 0) if before and after else 0


@functools.cache
def _bonds() -> dict[str, dict[str, int]]:
    text = resources.files("copilot.playbook.cleaning").joinpath("pairs.txt").read_text("utf-8")
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            first, followers = line.split(" ")
            found[first] = {
                char: grade
                for grade, chars in zip((3, 2, 1), followers.split("/"), strict=True)
                for char in chars
            }
    return found
