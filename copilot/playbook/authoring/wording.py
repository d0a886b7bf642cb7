"""Wording: runs of words that two texts share, punctuation and script aside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from copilot.language.normalize import search_form

# One Chinese character, one Latin word or one number, in search form.
_WORD = re.compile(r"[a-z]+|\d+|[^\W_]")
# Where an enumeration is divided; each piece of one is a term.
_JOINTS = re.compile("[、,;/|+]|和|与|及|或|以及")
# Longest piece of an enumeration: 「用户生命周期价值」 has eight characters. A clause is longer.
_TERM = 8


def letters(text: str) -> str:
    """The letters, characters and digits of a text in search form, nothing between them."""
    return "".join(each for each in search_form(text) if each.isalnum())


class Shared:
    """Texts, kept so that runs of words which another text shares with them are found.

    A word is a Chinese character, a Latin word or a number: names and figures weigh one each.
    """

    def __init__(self, texts: Iterable[str], length: int, *, digits: bool = True) -> None:
        """Keep the runs of ``length`` words; without ``digits``, numbers are passed over."""
        self._length = length
        self._digits = digits
        self._runs: set[str] = set()
        for text in texts:
            words = [word[0] for word in self._words(search_form(text))]
            self._runs.update(self._run(words, at) for at in range(len(words) - length + 1))

    def longest(self, text: str) -> str:
        """The longest of the `stretches` of a text; empty when no run is shared."""
        return max(self.stretches(text), key=len, default="")

    def stretches(self, text: str) -> list[str]:
        """The stretches of a text, in search form, of which every run is shared.

        Returns:
            Each as long as it goes, with its punctuation, which tells an enumeration from a
            sentence.
        """
        form = search_form(text)
        matches = self._words(form)
        words = [word[0] for word in matches]
        shared = [self._run(words, at) in self._runs for at in range(len(words) - self._length + 1)]
        found: list[str] = []
        begin = 0
        for at, one in enumerate([*shared, False]):
            if one:
                continue
            if at > begin:
                end = matches[at - 1 + self._length - 1].end()
                found.append(form[matches[begin].start() : end])
            begin = at + 1
        return found

    def _words(self, form: str) -> list[re.Match[str]]:
        words = _WORD.finditer(form)
        return [word for word in words if self._digits or not word[0].isdigit()]

    def _run(self, words: Sequence[str], at: int) -> str:
        return " ".join(words[at : at + self._length])


def is_enumeration(stretch: str) -> bool:
    """Whether a stretch of text is nothing but terms in a row: facts, which are nobody's."""
    pieces = [piece for piece in _JOINTS.split(stretch) if letters(piece)]
    return len(pieces) > 2 and all(len(letters(piece)) <= _TERM for piece in pieces)
