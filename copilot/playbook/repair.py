"""Repair: what provably was damaged on a text's way here is put right, all else is reported."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from copilot.playbook import pinyin, shift
from copilot.playbook.shift import Page, Reading
from copilot.playbook.suspicion import Suspicion, excerpt
from copilot.playbook.wording import Wording, fold, is_common_pair

RepairKind = Literal["bytes out of step", "pinyin notes", "paragraph marks"]
# A lost byte is filled in when the best character fits this many times better than the next.
MARGIN = 5.0
# Of the neighbours in a repaired run, this share must stand side by side elsewhere in the text...
KNOWN_PAIRS = 0.25
# ... or, in a text too short to tell, this many characters must all be common ones (three random
# pairs of GBK are all in GB2312 level 1 in 1 case of 12) where this many were odd before.
PROOF, ODD = 3, 2
# One character that agrees with the note behind it is worth this many known pairs.
NOTED = 2

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
    better than before, judged by the pairs of characters in the sound rest of the same text, by
    common characters, and by the notes. A byte that is lost for good is filled in only when one
    character fits far better than all others; otherwise its place keeps a `?` and is reported.
    """
    page = shift.page(text)
    pending = shift.readings(page)
    fixes: list[Edit] = []
    suspicious: list[Suspicion] = []
    if pending:
        wording = Wording(_sound(page, pending))
        # What was put right whole bears witness for the rest; what stays in part comes last.
        for partly in (False, False, True):
            fixes += _fixes(page, wording, pending, partly=partly)
        fixes.sort(key=lambda fix: fix.start)
        suspicious += _lost(page, fixes)
        suspicious += _unproved(page, pending)
    return _mended(text, fixes, suspicious)


def _fixes(
    page: Page, wording: Wording, pending: dict[int, list[Reading]], *, partly: bool
) -> Iterator[Edit]:
    """The runs that can be proved now; they, and what lies within them, are pending no more."""
    done = 0
    for start, readings in list(pending.items()):
        if start < done:
            del pending[start]
            continue
        best = _best(page, wording, readings)
        if best is None or ("?" in best[1] and not partly):
            continue
        reading, said = best
        done = reading.end
        del pending[start]
        wording.add(fold(said).split("?"))
        yield Edit(start, done, said)


def _best(page: Page, wording: Wording, readings: list[Reading]) -> tuple[Reading, str] | None:
    """The reading that is proved, with what it says; the one best known of several."""
    proved = []
    for reading in readings:
        raw = page.text[reading.start : reading.end]
        odd = [sign for sign in shift.oddities(raw) if not wording.familiar(fold(sign))]
        sound = [fold(place[0]) for place in reading.places if len(place) == 1]
        strange = sum(not wording.familiar(char) for char in sound)
        if not odd or strange > len(sound) // 10:
            continue
        said = _fill(page, wording, reading)
        before, after = page.before(reading.start), page.after(reading.end)
        known = wording.pairs(fold(before + said + after)) + NOTED * reading.confirmed
        garbled = fold(before + pinyin.NOTE.sub("", raw) + after)
        enough = known >= max(1, KNOWN_PAIRS * len(said)) and known > wording.pairs(garbled)
        common = strange == 0 and len(sound) >= PROOF and len(odd) >= ODD
        if enough or common:
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
        before = said[-1] if said else page.before(reading.start)
        following = reading.places[number + 1 :]
        after = following[0][0] if following else page.after(reading.end)
        said += _choose(wording, before, place, after)
    return said


def _choose(wording: Wording, before: str, options: tuple[str, ...], after: str) -> str:
    """The option that clearly fits best between its neighbours, or `?`."""
    if before in _ENDS:
        return "?"  # a paragraph mark before the run, nothing lost
    here, there = fold(before), fold(after)
    ranked = sorted(
        ((wording.fit(here, fold(char), there), char) for char in options), reverse=True
    )
    (best, char), (second, _) = ranked[0], ranked[1]
    if best < MARGIN * second:
        return "?"
    folded = fold(char)
    if char != "。":
        return char if wording.seen(here, folded) or wording.seen(folded, there) else "?"
    # A full stop follows anything, so it need not have been seen behind this very character, unless
    # that character is half of a common word.
    rivals = any(is_common_pair(here, fold(option)) for option in options)
    return char if wording.seen(here, char) or not rivals else "?"


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
        marked = fix.text[0] == "?" and page.before(fix.start) in _ENDS
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


@functools.lru_cache(maxsize=8192)
def _bytes(char: str) -> bytes:
    """A character in GB18030, private use included; lone surrogates and nothing give no bytes."""
    try:
        return char.encode("gb18030")
    except UnicodeEncodeError:
        return b""


@functools.lru_cache(maxsize=2048)
def _characters(leads: tuple[int, ...], trails: tuple[int, ...] | bytes) -> tuple[str, ...]:
    """The characters and Chinese punctuation marks that the bytes can be put together to."""
    found = []
    for lead in leads:
        for trail in trails:
            char = bytes((lead, trail)).decode("gb18030", "ignore")
            if len(char) == 1 and (_HAN.match(char) or char in "。，、；：？！“”‘’《》（）·—…"):
                found.append(char)
    return tuple(found)
