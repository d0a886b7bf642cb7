"""Structure: the headings of a text, from its markup, its contents, or its numbered lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from copilot.playbook.cleaning import contents, numbering
from copilot.playbook.cleaning.sightings import Sighting
from copilot.playbook.cleaning.wording import fold

# A line this long is no heading; a run-on text's single line is at least this long.
HEADING = 60
RUN_ON = 1000
# Numbered lines are headings when this share of them has text of its own, and at least this much.
WITH_TEXT, ENOUGH = 0.5, 15

_ATX = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S.*?)[ \t]*$")
_CLOSING = re.compile(r"[ \t]+#+$|\s*\{#[\w-]+\}$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{3,})[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_NOT_SETEXT = re.compile(r"^\s*(?:[-*+•>|]|\d{1,3}[.)、]|#)|[。；;,，]$|\|")
_MARKUP = re.compile(r"\*\*|__|`|!?\[([^\]]*)\]\([^)]*\)")
_ENDS = tuple("。！？!?；;，,:：")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: where it stands, its level (1 is the top), number and title."""

    start: int
    end: int
    level: int
    number: str
    title: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A heading that the contents or the text name and that has no text below it."""

    number: str
    title: str


@dataclass(frozen=True, slots=True)
class Outline:
    """The headings of a text in order, and what else the search for them showed.

    ``marked`` says that they are Markdown's; ``head`` is where the contents begin, ``body`` where
    the text below them begins (0 without contents), ``tail`` where it ends (None when nothing
    proves that); ``title`` is a title glued to them; ``missing`` are entries without heading.
    """

    headings: tuple[Heading, ...] = ()
    marked: bool = False
    head: int = 0
    body: int = 0
    tail: int | None = None
    title: str = ""
    missing: tuple[Missing, ...] = ()


def outline(text: str) -> Outline:
    """Find the headings of a text: Markdown's, else those of its contents, else numbered lines."""
    marked = tuple(_markdown(text))
    # A page around a book has a few headings of its own; the book's contents name many more.
    if (found := contents.find(text, fold(text))) and len(found[1]) > 2 * len(marked):
        return _from_contents(text, *found)
    return Outline(marked, marked=True) if marked else Outline(tuple(_numbered(text)))


def _markdown(text: str) -> Iterator[Heading]:
    """ATX and setext headings outside fenced code."""
    fence = ""
    previous = (0, "")
    above = ""
    position = 0
    for line in text.split("\n"):
        start, position = position, position + len(line) + 1
        if found := _FENCE.match(line[:80]):
            if not fence:
                fence = found[1]
            elif found[1].startswith(fence) and line.strip() == found[1]:
                fence = ""
            previous, above = (start, ""), ""
            continue
        if fence:
            continue
        if len(line) <= 400 and (atx := _ATX.match(line)):
            if title := _plain(_CLOSING.sub("", atx[2])):
                yield _heading(start, position - 1, len(atx[1]), title)
            line = ""
        elif (under := _UNDERLINE.match(line[:400])) and not above.strip():
            title = previous[1].strip()
            if title and len(title) <= HEADING and not _NOT_SETEXT.search(title):
                level = 1 if under[1][0] == "=" else 2
                yield _heading(previous[0], position - 1, level, _plain(title))
                line = ""
        above, previous = previous[1], (start, line)


def _heading(start: int, end: int, level: int, heading: str) -> Heading:
    return Heading(start, end, level, *numbering.split(heading))


def _plain(heading: str) -> str:
    """A heading without emphasis and links."""
    return _MARKUP.sub(lambda found: found[1] or "", heading).strip()


def _from_contents(text: str, found: contents.Contents, matched: list[Sighting]) -> Outline:
    headings = tuple(
        Heading(place.start, place.end, entry.level, entry.number, entry.title)
        for place in matched
        for entry in (found.entries[place.entry],)
    )
    known = {place.entry for place in matched}
    missing = tuple(
        Missing(entry.number, entry.title)
        for number, entry in enumerate(found.entries)
        if number not in known
    )
    return Outline(
        headings,
        head=found.start,
        body=found.end,
        tail=_tail(text, headings),
        title=found.glued,
        missing=missing,
    )


def _tail(text: str, headings: tuple[Heading, ...]) -> int | None:
    """The end of the line that holds the last heading, when the text is one run-on line."""
    last = headings[-1]
    start = text.rfind("\n", 0, last.start) + 1
    end = text.find("\n", last.end)
    end = len(text) if end < 0 else end
    inside = sum(heading.start >= start for heading in headings)
    if end - start >= RUN_ON and inside >= min(contents.FEWEST, len(headings)):
        return end
    return None


def _numbered(text: str) -> Iterator[Heading]:
    """Short numbered lines (`第一章 …`, `1.1 …`, `Q1：…`) that count up and have text below."""
    lines: list[tuple[int, int, numbering.Label]] = []
    position = 0
    for line in text.split("\n"):
        start, position = position, position + len(line) + 1
        body = line.strip()
        if not 2 < len(body) <= HEADING or "|" in body:
            continue
        start += line.find(body)
        found = numbering.label(body)
        if found is None or found.kind in ("integer", "bracket") or not body[found.end :].strip():
            continue
        if found.kind == "question" or not body.endswith(_ENDS):
            lines.append((start, start + len(body), found))
    kinds = [
        kind
        for kind in dict.fromkeys(label.kind for *_, label in lines)
        if _counts_up([label for *_, label in lines if label.kind == kind])
    ]
    chosen = [line for line in lines if line[2].kind in kinds]
    if not chosen:
        return
    ends = [start for start, *_ in chosen[1:]] + [len(text)]
    leaves = Counter[bool]()
    for (_, end, label), stop, following in zip(chosen, ends, [*chosen[1:], None], strict=True):
        deeper = following is not None and kinds.index(following[2].kind) > kinds.index(label.kind)
        if not deeper:
            leaves[len(text[end:stop].strip()) >= ENOUGH] += 1
    if leaves[True] < max(1, WITH_TEXT * leaves.total()):
        return
    for start, end, label in chosen:
        title = text[start + label.end : end].strip()
        yield Heading(start, end, kinds.index(label.kind) + 1, label.number, title)


def _counts_up(labels: list[numbering.Label]) -> bool:
    """Whether labels begin with 1 and each goes one further or begins again; two at least."""
    values = [numbering.last_value(label.number) for label in labels]
    steps = zip([0, *values], values, strict=False)
    return len(values) > 1 and all(value in (before + 1, 1) for before, value in steps)
