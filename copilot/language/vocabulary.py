"""The words known: general ones, domain terms, stop words; and how a run of text divides."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from math import exp, log
from pathlib import Path

from copilot.errors import BadInput
from copilot.language import normalize


class Vocabulary:
    """Chinese words with their frequencies: jieba's list and whatever is added to it.

    The word list is jieba's `dict.txt`, and ``cut`` finds the same division as jieba without its
    hidden Markov model (a test compares them). jieba's code is not imported: its prefix dictionary
    takes 0.6 s to build and is cached under a predictable name in the shared temporary folder, it
    writes to standard error, and its module warns on newer Pythons. This one is read in 0.3 s.

    Not thread-safe while words are added; afterwards it never changes.
    """

    def __init__(self) -> None:
        # word, count, part of speech; no word of the list contains a blank.
        fields = _word_list().read_text(encoding="utf-8").split()
        words, counts = fields[0::3], list(map(int, fields[1::3]))
        self._weights = dict(zip(words, map(log, counts), strict=True))
        self._log_total = log(sum(counts))
        # The longest word that begins with these two characters: where to stop looking.
        self._reach: dict[str, int] = {}
        length = 3
        while words := [word for word in words if len(word) >= length]:
            self._reach.update(dict.fromkeys([word[:2] for word in words], length))
            length += 1

    def __contains__(self, word: str) -> bool:
        return word in self._weights

    def add(self, words: Iterable[str]) -> None:
        """Add words, each with just the frequency at which it is preferred to its own parts.

        Args:
            words: runs of Chinese characters, simplified; what is known already keeps its frequency
                where that is higher (jieba's `suggest_freq` sets the same).
        """
        for word in words:
            known = self._weights.get(word, 0.0)
            parts = (self._weights.get(part, 0.0) - self._log_total for part in self.cut(word))
            weight = log(int(exp(sum(parts) + self._log_total)) + 1)
            self._weights[word] = max(weight, known)
            if len(word) > 2:
                self._reach[word[:2]] = max(len(word), self._reach.get(word[:2], 0))

    def cut(self, run: str) -> list[str]:
        """Divide a run of Chinese characters into its most probable words (a unigram model).

        Args:
            run: characters without blanks or punctuation, simplified.

        Returns:
            The words; joined they are the run. Characters of no word stand alone.
        """
        weights, reach, log_total = self._weights, self._reach, self._log_total
        size = len(run)
        best = [0.0] * (size + 1)
        ends = [0] * size
        for start in range(size - 1, -1, -1):
            end = start + 1
            score = weights.get(run[start], 0.0) - log_total + best[end]
            last = min(start + reach.get(run[start : start + 2], 2), size)
            for candidate in range(start + 2, last + 1):
                weight = weights.get(run[start:candidate])
                if weight is None:
                    continue
                other = weight - log_total + best[candidate]
                if other >= score:
                    score, end = other, candidate
            best[start], ends[start] = score, end
        words = []
        start = 0
        while start < size:
            words.append(run[start : ends[start]])
            start = ends[start]
        return words


def read_terms(lines: Iterable[str]) -> Iterator[str]:
    """The terms of a dictionary file: one a line; ``#`` begins a comment.

    Args:
        lines: the lines of the file.

    Yields:
        Each term in its search form.

    Raises:
        BadInput: a line is not a term; the message names it.
    """
    for number, line in enumerate(lines, start=1):
        term = re.split(r"(?:^|\s)#", normalize.search_form(line), maxsplit=1)[0].strip()
        if not term:
            continue
        if re.search(r"\s", term) or not re.search(r"\w", term):
            raise BadInput(
                f"dictionary line {number}: {line.strip()!r} is not a term.",
                remedy="Write one word a line, without blanks; begin comments with `#`.",
            )
        yield term


def bundled_terms() -> list[str]:
    """The domain terms shipped in `dictionary.txt`, in their search form."""
    return list(read_terms(_data("dictionary.txt")))


def bundled_stop_words() -> set[str]:
    """The words shipped in `stop_words.txt`, in their search form."""
    lines = [line for line in _data("stop_words.txt") if not line.startswith("#")]
    return set(normalize.search_form(" ".join(lines)).split())


def _data(name: str) -> list[str]:
    return (files("copilot.language") / name).read_text(encoding="utf-8").splitlines()


def _word_list() -> Path:
    spec = importlib.util.find_spec("jieba")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("jieba is not installed; its word list is needed.", name="jieba")
    return Path(spec.origin).with_name("dict.txt")
