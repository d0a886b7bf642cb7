"""Sightings: where the headings that the contents name stand in the text below them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from copilot.playbook.cleaning import numbering

# No heading is longer.
LONGEST = 60
# Share of characters that must agree where a heading in the text is damaged or shortened
# (SequenceMatcher.ratio, which is 0.75 when a quarter of the characters differ).
ALIKE = 0.75
# Sightings of one title that are weighed against each other.
SIGHTINGS = 12
# What must speak for a heading (see `_weigh`): more than its number alone.
HEADING = 4

_BOUNDARY = '\n。！？!?…；;.”"’」』）)》|'
_REFERENCE = "见見参參阅閱看读讀第至到和及与與、《“「（("


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents: level (1 is the top), number, title, folded variants of the title."""

    level: int
    number: str
    title: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A place in the text that may be the heading of an entry."""

    entry: int
    start: int
    end: int
    score: int


def match(entries: Sequence[Entry], folded: str, start: int) -> list[Sighting]:
    """The headings in a text: at most one for each entry, in the order of the contents.

    Args:
        folded: the text in simplified characters.
        start: where the contents end and the text below them begins.
    """
    sightings: list[Sighting] = []
    ends: set[int] = set()
    for number, entry in enumerate(entries):
        found = list(_sightings(number, entry, folded, start, ends))
        ends = {sighting.end for sighting in found}
        sightings += found
    return _chain(sightings, len(entries))


def _sightings(
    number: int, entry: Entry, folded: str, start: int, ends: set[int]
) -> Iterator[Sighting]:
    """Where an entry's heading may stand, with how much speaks for each place.

    Args:
        ends: where headings of the entry before may end; a heading may follow at once.
    """
    found: dict[int, Sighting] = {}
    for key in entry.keys:
        position = start
        for _ in range(SIGHTINGS):
            position = folded.find(key, position)
            if position < 0:
                break
            end = position + len(key)
            begin, score = _weigh(entry, folded, position, end, ends)
            if score >= HEADING:
                found.setdefault(begin, Sighting(number, begin, end, score))
            position += 1
    if not found and entry.number:
        found = {each.start: each for each in _alike(number, entry, folded, start, ends)}
    yield from found.values()


def _weigh(entry: Entry, folded: str, position: int, end: int, ends: set[int]) -> tuple[int, int]:
    """Where a heading begins whose title stands at a position, and how much speaks for it (to 7).

    Its number before it counts 3, a boundary before it 2 (a sentence end, a line's beginning, the
    heading before), what follows (a line's end, a paragraph mark, another heading) 1, a line of its
    own 1 more; a word of reference before it (见, 参阅, an opening quote) takes 3 away.
    """
    start = position
    while start > max(0, position - 4) and folded[start - 1] in " \t\u3000、.．:：":
        start -= 1
    labelled = bool(entry.number) and folded.endswith(entry.number, 0, start)
    start = start - len(entry.number) if labelled else position
    before = folded[start - 1] if start else "\n"
    if labelled and (before.isnumeric() or before == "."):
        return position, 0
    line_before = _at_line_start(folded, start)
    line_after = folded[end : end + 1] in ("", "\n")
    followed = line_after or folded[end] in "?\ufffd" or bool(numbering.label(folded, end))
    score = 3 * labelled + 2 * (line_before or before in _BOUNDARY or start in ends) + followed
    score += (line_before and line_after) - 3 * (before in _REFERENCE)
    return start, score


def _at_line_start(folded: str, position: int) -> bool:
    while position and folded[position - 1] in " \t\u3000#*":
        position -= 1
    return position == 0 or folded[position - 1] == "\n"


def _alike(
    number: int, entry: Entry, folded: str, start: int, ends: set[int]
) -> Iterator[Sighting]:
    """Places where the number stands before a title that is nearly the entry's."""
    title = re.sub(r"\s", "", entry.keys[-1]) if entry.keys else ""
    position = start
    for _ in range(SIGHTINGS * 4):
        position = folded.find(entry.number, position)
        if position < 0 or len(title) < 2:
            return
        found = numbering.label(folded[position : position + LONGEST])
        bounded = not position or folded[position - 1] in _BOUNDARY or position in ends
        if found and found.number == entry.number and bounded:
            begin = position + found.end
            stops = range(begin + max(1, len(title) - 3), begin + len(title) + 5)
            ratio, end = max((_ratio(title, folded[begin:end]), -end) for end in stops)
            if ratio >= ALIKE:
                yield Sighting(number, position, -end, HEADING)
        position += 1


def _ratio(title: str, text: str) -> float:
    if "\n" in text:
        return 0.0
    return SequenceMatcher(None, title, re.sub(r"\s", "", text), autojunk=False).ratio()


def _chain(sightings: list[Sighting], entries: int) -> list[Sighting]:
    """The sightings of rising entries at rising positions whose scores add up to most.

    Heaviest increasing subsequence over a Fenwick tree of prefix maxima: O(n log n).
    """
    best: list[tuple[int, int]] = [(0, -1)] * (entries + 1)
    total: list[int] = []
    before: list[int] = []
    ordered = sorted(sightings, key=lambda each: (each.start, -each.entry))
    for place, sighting in enumerate(ordered):
        node, top = sighting.entry, (0, -1)
        while node > 0:
            top = max(top, best[node])
            node -= node & -node
        total.append(top[0] + sighting.score)
        before.append(top[1])
        node = sighting.entry + 1
        while node <= entries:
            best[node] = max(best[node], (total[place], place))
            node += node & -node
    place = max(range(len(total)), key=total.__getitem__, default=-1)
    chain = []
    while place >= 0:
        chain.append(ordered[place])
        place = before[place]
    return chain[::-1]
