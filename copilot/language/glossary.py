"""Glossary: what people call a thing, and the term that the playbook writes for it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from copilot.errors import BadInput
from copilot.language.normalize import search_form

# One character is in too many words to mean anything.
_SHORTEST = 2

# Beyond this a question names so many things that further words say nothing.
_MOST = 12

COLUMNS = ("term", "synonyms", "english")


@dataclass(frozen=True, slots=True)
class Match:
    """A word of a question (``word``, in search form) and the formal ``term`` for it."""

    word: str
    term: str


class Glossary:
    """Groups of words for the same thing, each headed by the formal term."""

    def __init__(self, groups: Iterable[Sequence[str]] = ()) -> None:
        """Args:
        groups: the formal term first, then its synonyms, as written.
        """
        self._terms: dict[str, list[str]] = {}
        for term, *others in groups:
            formal = search_form(term)
            for word in {formal, *map(search_form, others)}:
                if len(word) >= _SHORTEST:
                    self._terms.setdefault(word, []).append(formal)
        self._longest = max(map(len, self._terms), default=0)

    def __len__(self) -> int:
        return len(self._terms)

    def matches(self, question: str) -> list[Match]:
        """The glossary's words in a question with their formal terms; the longest word wins.

        Terms that the question already uses are left out.
        """
        form = search_form(question)
        found: dict[str, Match] = {}
        place = 0
        while place < len(form) and len(found) < _MOST:
            word = self._at(form, place)
            for term in self._terms.get(word, ()):
                if term not in form:
                    found.setdefault(term, Match(word, term))
            place += len(word) or 1
        return list(found.values())

    def _at(self, form: str, place: int) -> str:
        """The longest word of the glossary that begins at a place; empty when none does."""
        for length in range(min(self._longest, len(form) - place), _SHORTEST - 1, -1):
            word = form[place : place + length]
            if word in self._terms and not _cuts_latin(form, place, length):
                return word
        return ""


def _cuts_latin(form: str, place: int, length: int) -> bool:
    """Whether a word in Latin letters would be a part of a longer one (`roi` in `heroine`)."""
    before, after = form[place - 1 : place], form[place + length : place + length + 1]
    first, last = form[place], form[place + length - 1]
    return (_latin(first) and _latin(before)) or (_latin(last) and _latin(after))


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def read(path: Path) -> list[tuple[str, ...]]:
    """The groups of a CSV file with the columns ``term, synonyms, english``, words between ``|``.

    Raises:
        BadInput: the file is no such table.
    """
    try:
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path.name}: {error}.", remedy="Mend it; it is UTF-8 CSV.") from error
    if rows and "term" not in rows[0]:
        raise BadInput(
            f"{path.name} has no column `term`.", remedy=f"Its columns are {', '.join(COLUMNS)}."
        )
    groups = []
    for row in rows:
        words = "|".join(row.get(name) or "" for name in COLUMNS).split("|")
        group = tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
        if group:
            groups.append(group)
    return groups
