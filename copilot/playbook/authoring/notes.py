"""Notes: where an entry's statements come from, as 「（002 §4.2）」 says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# （002 §4.2）, （000 §Q23）, （000 Q18）, （002 §3.1、§4.2）, （000 §Q5、002 §4.1）
_NOTE = re.compile(r"[（(]\s*(?=\d{3}\s*[§#Q])([^（）()]{1,60}?)\s*[）)]")
_PLACE = re.compile(r"(?:(\d{3})\s*)?(?:[§#]\s*)?(Q\d{1,2}|\d{1,2}\.\d{1,2})(?![\d.])")
_BETWEEN = re.compile(r"[、，,；;和及与\s]*")
_NOTHING = re.compile(r"[\s。．.，,；;：:、！!？?*）)」”|]*")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,3}[.、)）]|\|)")
# Brackets with a section mark or a document's number in them that are no note we can read.
_ODD = re.compile(r"[（(][^（）()]*(?:§|\b00\d\b)[^（）()]*[）)]|§")


@dataclass(frozen=True, slots=True)
class Statement:
    """A stretch of a line and the places in the sources that vouch for it.

    ``line`` counts from 1 within the text given; ``places`` are keys as front matter has them
    (`002#4.2`), empty when no note follows; ``text`` is without notes.
    """

    line: int
    text: str
    places: tuple[str, ...]


def statements(text: str) -> Iterator[Statement]:
    """The stretches of a text, each with its note.

    A note vouches for all that stands before it on its line, back to the note before. One in a line
    that ends with a colon also vouches for the list below, or the items indented more.
    """
    # The lines above that end with a colon and a note: how far they are indented, what they name.
    above: list[tuple[int, tuple[str, ...]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip()) if _ITEM.match(line) else -1
        while above and (indent < 0 or above[-1][0] >= indent):
            above.pop()
        stretches = _stretches(line)
        for words, places in stretches:
            yield Statement(number, words, places or (above[-1][1] if above else ()))
        if stretches and stretches[-1][1] and line.rstrip().endswith(("：", ":")):
            above.append((indent, stretches[-1][1]))


def _stretches(line: str) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    start = 0
    for note in _NOTE.finditer(line):
        places = read(note[1])
        if not places:
            continue
        words = line[start : note.start()]
        if found and _NOTHING.fullmatch(words):
            text, before = found[-1]
            found[-1] = (text, (*before, *places))
        else:
            found.append((words, places))
        start = note.end()
    if not (rest := line[start:]).strip():
        return found
    if found and _NOTHING.fullmatch(rest):
        return found
    return [*found, (rest, ())]


def read(note: str) -> tuple[str, ...]:
    """The places a note names, as `002#4.2`; empty when it is no note. ``note`` has no brackets."""
    found: list[str] = []
    document = ""
    end = 0
    for place in _PLACE.finditer(note):
        if not _BETWEEN.fullmatch(note, end, place.start()):
            return ()
        document = place[1] or document
        found.append(f"{document}#{place[2]}")
        end = place.end()
    return tuple(found) if document and not note[end:].strip() else ()


def odd(text: str) -> Iterator[tuple[int, str]]:
    """What looks like a note and cannot be read as one: line (from 1) and the text of it."""
    for number, line in enumerate(text.split("\n"), start=1):
        rest = _NOTE.sub(lambda note: "" if read(note[1]) else note[0], line)
        for found in _ODD.finditer(rest):
            yield number, found[0]
