"""Repair: what provably was damaged on a text's way here is put right, all else is reported."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from copilot.playbook.cleaning import pinyin, shift
from copilot.playbook.cleaning.lost import tell
from copilot.playbook.cleaning.shift import Page, Reading
from copilot.playbook.cleaning.suspicion import Suspicion, excerpt
from copilot.playbook.cleaning.wording import Wording, fold

RepairKind = Literal["bytes out of step", "pinyin notes", "paragraph marks"]

# What must be known of the neighbours in a repaired run, for each character (see Wording.evidence),
# and at least, behind a cut and behind a bare `?`: two random characters are neighbours in words in
# 1 case of 250.
KNOWN, LEAST, BARE = 0.5, 2, 6
# Signs of damage that a run begun by a bare `?` must show; one will do where it begins with a cut.
ODD = 2
# One character that agrees with the note behind it is worth this much.
NOTED = 4

_ENDS = "。！？"


@dataclass(frozen=True, slots=True)
class Repair:
    """Something put right: what stood there, what stands there now, in which section.

    ``offset`` counts characters from the beginning of the tidied text; ``count`` says how many
    places one entry stands for (pinyin notes and paragraph marks are summed up).
    """

    kind: RepairKind
    before: str
    after: str
    section: str = ""
    offset: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters ``start`` to ``end`` of a text are replaced."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Mended:
    """A repaired text, what was repaired, and where each edit lies in the text as it was."""

    text: str
    repairs: tuple[Repair, ...]
    suspicious: tuple[Suspicion, ...]
    _old: tuple[int, ...] = ()
    _new: tuple[int, ...] = ()

    def original(self, position: int) -> int:
        """The position in the text before repair for one in the repaired text."""
        place = bisect_right(self._new, position) - 1
        return position if place < 0 else self._old[place] + position - self._new[place]

    def repaired(self, offset: int) -> int:
        """The position in the repaired text for one in the text before repair."""
        place = bisect_right(self._old, offset) - 1
        return offset if place < 0 else self._new[place] + offset - self._old[place]


def mend(text: str) -> Mended:
    """Put back in step what provably is out of step, and drop the notes a converter left.

    A run is replaced only when it decodes strictly, comes to an end, and reads as Chinese clearly
    better than before, judged by the pairs of characters in the sound rest of the same text and in
    words, by common characters, and by the notes. A byte that is lost for good is filled in only
    when its neighbours tell the character; otherwise its place keeps a `?` and is reported.
    """
    page = shift.page(text)
    pending, tried = shift.readings(page)
    fixes: list[Edit] = []
    suspicious: list[Suspicion] = []
    if pending:
        wording = Wording(_sound(page, pending))
        # What was put right whole bears witness for the rest; what stays in part comes last.
        found: list[Edit] = []
        for count, partly in enumerate((False, False, True)):
            if count == 1 and not found:
                continue
            taken = [fix.start for fix in fixes]
            found = list(_fixes(page, wording, pending, taken, partly=partly))
            wording.add(part for fix in found for part in fold(fix.text).split("?"))
            fixes = sorted([*fixes, *found], key=lambda fix: fix.start)
        suspicious += _lost(page, fixes)
        suspicious += _unproved(page, pending)
        if tried < len(text):
            shown = excerpt(text, tried, tried)
            suspicious.append(Suspicion("bytes out of step", shown, offset=tried))
    return _mended(text, fixes, suspicious)


def _fixes(
    page: Page,
    wording: Wording,
    pending: dict[int, list[Reading]],
    taken: list[int],
    *,
    partly: bool,
) -> Iterator[Edit]:
    """The runs that can be proved now; they, and what lies within them, are pending no more.

    Args:
        taken: where the runs begin that are already proved.
        partly: whether characters that cannot be told may stay lost. Until then no run within one
            that may yet be proved whole is looked at.
    """
    done = shadow = 0
    for start, readings in list(pending.items()):
        if start < done:
            del pending[start]
            continue
        best = _best(page, wording, readings) if partly or start >= shadow else None
        free = bisect_left(taken, start)
        if best and free < len(taken) and taken[free] < best[0].end:
            best = None
        if best is None or ("?" in best[1] and not partly):
            shadow = max([shadow, *(reading.end for reading in readings if reading.cut)])
            continue
        reading, said = best
        done = reading.end
        page.mended[done] = said
        del pending[start]
        yield Edit(start, done, said)


def _best(page: Page, wording: Wording, readings: list[Reading]) -> tuple[Reading, str] | None:
    """The reading that is proved, with what it says; the one best known of several."""
    proved = []
    for reading in readings:
        raw = page.text[reading.start : reading.end]
        odd = [
            sign
            for sign in shift.oddities(raw)
            if sign.isascii() or not wording.familiar(fold(sign))
        ]
        sound = [fold(place[0]) for place in reading.places if len(place) == 1]
        strange = sum(not wording.familiar(char) for char in sound)
        if len(odd) < (1 if reading.cut else ODD) or strange > len(sound) // 10:
            continue
        said = _fill(page, wording, reading)
        before, after = page.before(reading.start)[-1:], page.behind(reading.end)[0]
        known = wording.evidence(fold(before + said + after)) + NOTED * reading.confirmed
        garbled = wording.evidence(fold(before + pinyin.NOTE.sub("", raw) + after))
        least = LEAST if reading.cut else BARE
        if known > garbled and known >= max(least, KNOWN * len(said)):
            proved.append((known, -said.count("?"), reading, said))
    if not proved:
        return None
    _, _, reading, said = max(proved, key=lambda each: each[:2])
    return reading, said


def _fill(page: Page, wording: Wording, reading: Reading) -> str:
    """What a reading says, with `?` where a lost byte leaves too much choice."""
    said = ""
    for number, place in enumerate(reading.places):
        if len(place) == 1:
            said += place[0]
            continue
        before = (page.before(reading.start) + said)[-2:]
        if before[-1:] in _ENDS:
            said += "?"  # a paragraph mark before the run, nothing lost
            continue
        behind = [each[0] if len(each) == 1 else "" for each in reading.places[number + 1 :]]
        after, beyond = (*behind, *page.behind(reading.end))[:2]
        said += tell(wording, fold(before), place, fold(after), fold(beyond))
    return said


def _sound(page: Page, pending: dict[int, list[Reading]]) -> Iterator[str]:
    """The folded text without notes, cut at lost characters and at all that may be out of step."""
    folded = fold(page.text)
    position = 0
    for start, readings in [*pending.items(), (len(folded), [])]:
        if position < start:
            yield from re.split(f"[{shift.LOST}]", pinyin.NOTE.sub("", folded[position:start]))
        position = max([position, start, *(reading.end for reading in readings)])


def _lost(page: Page, fixes: list[Edit]) -> Iterator[Suspicion]:
    """The repaired runs in which a character could not be told."""
    for fix in fixes:
        marked = fix.text[0] == "?" and page.before(fix.start)[-1:] in _ENDS
        if "?" in fix.text[marked:]:
            shown = excerpt(page.text, fix.start, fix.end)
            yield Suspicion("character lost", shown, offset=fix.start)


def _unproved(page: Page, pending: dict[int, list[Reading]]) -> Iterator[Suspicion]:
    """The runs that show signs of damage and could not be read."""
    for start, readings in pending.items():
        for reading in readings:
            signs = shift.oddities(page.text[start : reading.end])
            if len(signs) >= (1 if reading.cut else ODD):
                shown = excerpt(page.text, start, reading.end)
                yield Suspicion("bytes out of step", shown, offset=start)
                break


def _mended(text: str, fixes: list[Edit], suspicious: list[Suspicion]) -> Mended:
    inside = [(fix.start, fix.end) for fix in fixes]
    starts = [start for start, _ in inside]
    notes: list[Edit] = []
    for start, end in pinyin.removable(text):
        place = bisect_right(starts, start) - 1
        if place < 0 or start >= inside[place][1]:
            notes.append(Edit(start, end, ""))
    edits = sorted([*fixes, *notes], key=lambda edit: edit.start)
    parts: list[str] = []
    old: list[int] = []
    new: list[int] = []
    position = length = 0
    for edit in edits:
        parts += (text[position : edit.start], edit.text)
        length += edit.start - position + len(edit.text)
        position = edit.end
        old.append(position)
        new.append(length)
    parts.append(text[position:])
    repairs = [
        Repair("bytes out of step", text[fix.start : fix.end], fix.text, offset=fix.start)
        for fix in fixes
    ]
    if notes:
        first = notes[0]
        sample = text[max(0, first.start - 1) : first.end]
        repairs.append(
            Repair("pinyin notes", sample, sample[:1], offset=first.start, count=len(notes))
        )
    return Mended("".join(parts), tuple(repairs), tuple(suspicious), tuple(old), tuple(new))
