"""Contents: a table of contents, found and matched with the headings in the text below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from copilot.playbook.cleaning import numbering
from copilot.playbook.cleaning.sightings import Entry, Sighting, match
from copilot.playbook.cleaning.wording import fold

# A list of three numbered lines can be anything; so can one whose lines do not come up again.
FEWEST = 3
CONFIRMED = 0.5
# This share of the headings that have none below must stand above so many characters of text
# (among the first ones).
WITH_TEXT, BODY, SEEN = 0.5, 6, 500
# Contents stand near the beginning; lines and characters looked at, so that size costs nothing.
LINES = 1000
LONGEST = 60
# One of the first entries at least must come up again before all of them are looked for.
SAMPLE = 20

_LEADER = re.compile(r"(?:[\s.．…·。_—-]{2,}|\t)[(（]?\d{1,4}[)）]?$")
_PAGE = re.compile(r"[\s.．…·。_—-]+\d{1,4}$")
_TITLE = re.compile(r"^[#\s]*(?:目\s*[录錄次]|(?:table of )?contents)\s*$", re.IGNORECASE)
_BULLET = re.compile(r"^[-*+•·]\s+")
_LINK = re.compile(r"^\[([^\]]+)\]\([^)]*\)$")
_SENTENCE_END = "。！？!?；;，,"


@dataclass(frozen=True, slots=True)
class Contents:
    """A table of contents: where it stands, its entries, and a title glued to its first line."""

    start: int
    end: int
    entries: tuple[Entry, ...]
    glued: str = ""


@dataclass(slots=True)
class _Line:
    start: int
    end: int
    kind: str
    number: str
    titles: tuple[str, ...]
    paged: bool = False


def find(text: str, folded: str) -> tuple[Contents, list[Sighting]] | None:
    """The contents of a text with the heading of each entry that the text below confirms.

    Args:
        text: the text as it is to be shown.
        folded: the same text in simplified characters, of the same length.

    Returns:
        The first block of numbered lines half of whose titles come up again below it in order, and
        the places where they do; None without one.
    """
    for block in _blocks(text):
        if not _is_contents(text, block):
            continue
        contents = _contents(text, folded, block)
        if not any(
            folded.find(key, contents.end) >= 0
            for entry in contents.entries[:SAMPLE]
            for key in entry.keys
        ):
            continue
        matched = match(contents.entries, folded, contents.end)
        # A text may break off long before its contents end: only entries up to the last one count.
        promised = max((each.entry + 1 for each in matched), default=0)
        enough = max(min(FEWEST, len(contents.entries)), CONFIRMED * promised)
        if len(matched) >= enough and _have_text(text, contents, matched):
            return contents, matched
    return None


def _is_contents(text: str, block: list[_Line]) -> bool:
    """Whether numbered lines can be contents: lists of items have plain numbers and no pages."""
    above = text[: block[0].start].rstrip().rpartition("\n")[2][-LONGEST:]
    return (
        any(line.kind not in ("integer", "bracket") for line in block)
        or any(line.paged for line in block)
        or bool(_TITLE.match(above))
    )


def _have_text(text: str, contents: Contents, matched: list[Sighting]) -> bool:
    """Whether headings stand above text: a list that is said twice is no contents."""
    levels = [contents.entries[sighting.entry].level for sighting in matched]
    stops = [sighting.start for sighting in matched[1:]] + [len(text)]
    bodies = [
        text[sighting.end : min(stop, sighting.end + SEEN)]
        for sighting, stop, level, below in zip(
            matched, stops, levels, [*levels[1:], 0], strict=True
        )
        if below <= level
    ]
    return sum(map(_is_text, bodies)) >= WITH_TEXT * len(bodies)


def _is_text(body: str) -> bool:
    """Whether there is more in a body than numbered lines."""
    lines = [line.strip() for line in body.split("\n")]
    return sum(len(line) for line in lines if not numbering.label(line)) >= BODY


def _blocks(text: str) -> Iterator[list[_Line]]:
    """Runs of contents-like lines near the beginning, blank lines and one stray line allowed."""
    block: list[_Line] = []
    stray = 0
    for start, end in islice(_lines(text), LINES):
        line = _entry_line(text, start, end)
        short = end - start <= LONGEST + 20
        if line is not None and block and _begins_text(block, line):
            if len(block) >= FEWEST:
                yield block
            block = []
        if line is not None and (short or block):
            block.append(line)
            stray = 0
            if short:
                continue
            # The last line of the contents, with the text glued to it.
        elif block and not stray and end - start <= LONGEST // 2:
            stray = 1
            continue
        if len(block) >= FEWEST:
            yield block
        block, stray = [], 0
    if len(block) >= FEWEST:
        yield block


def _begins_text(block: list[_Line], line: _Line) -> bool:
    """Whether a line says an entry of the block again, so that the text begins with it.

    The first entry, or one whose number stands but once in any contents (`1.1`, not `第一节`).
    """
    return any(
        (known.kind, known.number) == (line.kind, line.number)
        and fold(line.titles[0]).startswith(fold(known.titles[-1]))
        for place, known in enumerate(block)
        if place == 0 or known.kind.startswith("decimal")
    )


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each line that is not blank, without the blanks around it."""
    position = 0
    while position < len(text):
        stop = text.find("\n", position)
        stop = len(text) if stop < 0 else stop
        start, end = position, stop
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if start < end:
            yield start, end
        position = stop + 1


def _entry_line(text: str, start: int, end: int) -> _Line | None:
    """A line as a contents entry: a label and a title, or a title and a page behind a leader."""
    line = _LINK.sub(r"\1", _BULLET.sub("", text[start : min(end, start + LONGEST + 60)]))
    found = numbering.label(line)
    title = line[found.end :] if found else line
    unpaged = _PAGE.sub("", title).strip()
    if found is None:
        if end - start > LONGEST + 20 or not _LEADER.search(line):
            return None
        return _Line(start, end, "plain", "", (unpaged,), paged=True) if unpaged else None
    if not title.strip() or (end - start <= LONGEST and title.rstrip()[-1] in _SENTENCE_END):
        return None
    paged = bool(_LEADER.search(title))
    variants = [unpaged] if paged else [title.strip(), unpaged]
    titles = tuple(dict.fromkeys(each for each in variants if each))
    return _Line(start, end, found.kind, found.number, titles, paged) if titles else None


def _contents(text: str, folded: str, block: list[_Line]) -> Contents:
    """A block as contents; what is glued to its first and last line is taken off."""
    glued, first = _glued_first(text, folded, block[0].start)
    block = [*first, *block]
    end = block[-1].end
    if end - block[-1].start > LONGEST:
        end = _glued_end(text, folded, block, glued)
        start = block[-1].start
        last = _entry_line(text[:end], start, end)
        block = [*block[:-1], last] if last else block[:-1]
    kinds = list(dict.fromkeys(line.kind for line in block if line.kind != "plain"))
    entries = []
    for line in block:
        level = kinds.index(line.kind) + 1 if line.kind in kinds else 1
        keys = tuple(
            folded[s : s + len(t)] for t in line.titles if (s := text.find(t, line.start)) >= 0
        )
        entries.append(Entry(level, line.number, line.titles[-1], keys))
    return Contents(block[0].start, end, tuple(entries), glued)


def _glued_first(text: str, folded: str, before: int) -> tuple[str, list[_Line]]:
    """The title and the first entries glued to it, when both stand in the line above the contents.

    Returns:
        the title and the entries; no entries when there are none.
    """
    stop = len(text[:before].rstrip())
    start = text.rfind("\n", 0, stop) + 1
    if not 0 < stop - start <= 2 * LONGEST:
        return "", []
    line = text[start:stop]
    found: list[tuple[int, numbering.Label]] = []
    position = 1
    while position < len(line) - 1:
        label = numbering.label(line, position)
        # Before the second line of the contents every numbering can but begin: `一、…1.1…`.
        if label and label.kind != "integer" and numbering.last_value(label.number) == 1:
            found.append((position, label))
            position = label.end
        position += 1
    if not found:
        return "", []
    entries = []
    ends = [position for position, _ in found[1:]] + [len(line)]
    for (position, label), end in zip(found, ends, strict=True):
        title = line[label.end : end].strip()
        if not title or folded.find(folded[start + label.end : start + end].strip(), before) < 0:
            return "", []
        entries.append(_Line(start + position, start + end, label.kind, label.number, (title,)))
    return line[: found[0][0]].strip(" #\t"), entries


def _glued_end(text: str, folded: str, block: list[_Line], glued: str) -> int:
    """Where the last line of the contents ends and the text glued to it begins."""
    line = block[-1]
    head = folded[line.start : line.end]
    ends = [len(head)]
    for earlier in block[:3]:
        key = folded[earlier.start : earlier.end]
        if (place := head.find(key, 1)) > 0:
            ends.append(place)
    place = min(ends)
    if place == len(head):
        place = min(place, LONGEST)
    if glued and text.endswith(glued, line.start, line.start + place):
        place -= len(glued)
    if (mark := head.find("#", 1)) > 0:
        place = min(place, mark)
    return line.start + place
