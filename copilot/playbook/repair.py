"""Repair of text damaged on its way here: bytes out of step, pinyin notes, lost characters.

How the damage came about (worked out on the pages of a document-sharing site, docs/decisions/0004):
a converter searched GBK text for two-byte codes without asking where characters begin. Where the
second byte of one character and the first of the next looked like one of its codes it split the
text there, and what followed was decoded one byte out of step:

- `。` (A1 A3) before 互 (BB A5) holds A3 BB, the full-width `；`: A1 alone became `?`, A3 BB became
  `;`, and A5 was paired with the first byte of the next character, and so on;
- 當 (AE 94) before 的 (B5 C4) holds 94 B5, a character that gets a note: B5 and the bracket became
  `?`, the rest of the note stayed, and C4 was paired with what followed.

A run ends where a second byte is an ASCII letter (a traditional character ends so: 則 is 84 74, its
`t` stays behind), or where the converter split again: the byte left over became `?`.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from copilot.playbook import pinyin
from copilot.playbook.wording import Wording, fold, is_common_pair

RepairKind = Literal["bytes out of step", "pinyin notes", "paragraph marks"]
Reason = Literal[
    "bytes out of step",
    "character lost",
    "private-use character",
    "stray character",
    "breaks off",
    "front matter",
]

# A run crosses no clause: the longest of 14 seen is 26 characters, clauses seldom exceed 60.
LONGEST = 120
# How far behind a bare `?` something odd must stand for it to be worth a try.
NEARBY = 12
# A lost byte is filled in when the best character fits this many times better than the next.
MARGIN = 5.0
# Of the neighbours in a repaired run, this share must stand side by side elsewhere in the text...
KNOWN_PAIRS = 0.25
# ... or, in a text too short to tell, this many characters must all be common ones (three random
# pairs of GBK are all in GB2312 level 1 in 1 case of 200) where this many were odd before.
PROOF, ODD = 3, 2

_LOST = "?\ufffd"
_CUT_NOTE = re.compile(rf"[{_LOST}]\(?([{pinyin.LETTERS}]{{1,6}})\)")
_HAN = re.compile(f"[{pinyin.HAN}]")
_LEADS = tuple(range(0x81, 0xFF))
_TRAILS = tuple(byte for byte in range(0x40, 0xFF) if byte != 0x7F)
_QUOTES = {'"': ((0xA1, 0xB0), (0xA1, 0xB1)), "'": ((0xA1, 0xAE), (0xA1, 0xAF))}
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
class Suspicion:
    """Something that looks wrong and was left as it is, with the text around it."""

    reason: Reason
    excerpt: str
    section: str = ""
    offset: int = 0


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
        """The position in the text before repair that a position in the repaired text stands for."""
        place = bisect_right(self._new, position) - 1
        return position if place < 0 else self._old[place] + position - self._new[place]

    def repaired(self, offset: int) -> int:
        """The position in the repaired text for one in the text before repair."""
        place = bisect_right(self._old, offset) - 1
        return offset if place < 0 else self._new[place] + offset - self._old[place]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a run says when it is put back in step: a known character or several for each place."""

    start: int
    end: int
    places: tuple[tuple[str, ...], ...]
    raw: str


@dataclass(slots=True)
class _Page:
    """A text under repair, with what is looked up again and again."""

    text: str
    notes: dict[int, int] = field(default_factory=dict)  # start -> end
    ends: dict[int, int] = field(default_factory=dict)  # end -> start
    readings: dict[str, set[str]] = field(default_factory=dict)  # syllable -> annotated characters

    def before(self, position: int) -> str:
        """The character before a position, notes skipped; empty at the beginning."""
        while position in self.ends:
            position = self.ends[position]
        return self.text[position - 1] if position else ""

    def after(self, position: int) -> str:
        """The character at a position, notes skipped; empty at the end."""
        while position in self.notes:
            position = self.notes[position]
        return self.text[position : position + 1]


def mend(text: str) -> Mended:
    """Put back in step what provably is out of step, and drop the notes a converter left.

    A run is replaced only when it decodes strictly, comes to an end, and reads as Chinese clearly
    better than before, judged by the pairs of characters in the sound rest of the same text and by
    common characters. A byte that is lost for good is filled in only when one character fits far
    better than all others; otherwise its place keeps a `?` and is reported.
    """
    page = _page(text)
    attempts = _attempts(page)
    fixes: list[Edit] = []
    suspicious: list[Suspicion] = []
    if attempts:
        wording = Wording(_sound(page, attempts))
        done = 0
        for start, readings in attempts.items():
            if start < done:
                continue
            after = _best(page, wording, readings)
            if after is None:
                if any(_odd(wording, reading.raw) >= ODD for reading in readings):
                    suspicious.append(
                        Suspicion("bytes out of step", excerpt(text, start, start), offset=start)
                    )
                continue
            reading, said = after
            done = reading.end
            fixes.append(Edit(start, done, said))
            if "?" in said and not (said[0] == "?" and page.before(start) in _ENDS):
                suspicious.append(
                    Suspicion("character lost", excerpt(text, start, done), offset=start)
                )
    return _mended(text, fixes, suspicious)


def excerpt(text: str, start: int, end: int, around: int = 12) -> str:
    """The text around a place on one line, to show to a person."""
    return " ".join(text[max(0, start - around) : end + around].split())


def _page(text: str) -> _Page:
    page = _Page(text)
    if not any(lost in text for lost in _LOST):
        return page
    for note in pinyin.notes(text):
        page.notes[note.start()] = note.end()
        page.ends[note.end()] = note.start()
        if note.start() and _HAN.match(text[note.start() - 1]):
            page.readings.setdefault(note[1], set()).add(text[note.start() - 1])
    return page


def _attempts(page: _Page) -> dict[int, list[_Reading]]:
    """What each lost character could be the beginning of, by position, in order."""
    found: dict[int, list[_Reading]] = {}
    for lost in re.finditer(f"[{_LOST}]", page.text):
        readings = [
            reading
            for first, leads, position in _entries(page, lost.start())
            if (reading := _read(page, lost.start(), first, leads, position)) is not None
        ]
        if readings:
            found[lost.start()] = readings
    return found


def _entries(
    page: _Page, start: int
) -> Iterator[tuple[tuple[str, ...] | None, tuple[int, ...], int]]:
    """The ways a run can begin at a lost character.

    Yields:
        what the lost byte was the first half of (None: nothing, it opens the next character), the
        possible first bytes of the next character, and where its second byte is to be read.
    """
    text = page.text
    if note := _CUT_NOTE.match(text, start):
        if pinyin.is_syllable(note[1]):
            yield None, _noted_leads(page, start, note[1]) or _LEADS, note.end()
        return
    sign = text[start + 1 : start + 2]
    for trail, lead in _codes(sign):
        yield _characters(_LEADS, (trail,)), (lead,), start + 2
    if sign and any(_is_odd(char) for char in text[start + 1 : start + 1 + NEARBY]):
        yield None, _LEADS, start + 1


def _noted_leads(page: _Page, start: int, syllable: str) -> tuple[int, ...]:
    """The second bytes of the annotated characters that begin with the last byte before a cut."""
    tail = _bytes(page.before(start))[-1:]
    codes = (_bytes(char) for char in page.readings.get(syllable, ()))
    return tuple(sorted({code[1] for code in codes if len(code) == 2 and code[:1] == tail}))


def _codes(sign: str) -> Sequence[tuple[int, int]]:
    """The two-byte codes that a punctuation mark behind a lost byte can have been."""
    if sign in _QUOTES:
        return _QUOTES[sign]
    if "!" <= sign <= "~":
        # Full-width ASCII is row A3: the converter wrote A3 BB as `;`. The letters and digits are
        # there for converters that narrow those too.
        return ((0xA3, 0x80 | ord(sign)),)
    code = _bytes(sign) if sign else b""
    return ((code[0], code[1]),) if len(code) == 2 and code[0] in (0xA1, 0xA3) else ()


def _read(
    page: _Page, start: int, first: tuple[str, ...] | None, leads: tuple[int, ...], position: int
) -> _Reading | None:
    """Pair the bytes from a position on anew, until they are in step; None when they never are."""
    text = page.text
    places: list[tuple[str, ...]] = [first] if first else []
    while position < min(len(text), start + LONGEST):
        if position in page.notes:
            position = page.notes[position]
            continue
        char = text[position]
        if char in _LOST:
            note = _CUT_NOTE.match(text, position)
            if len(leads) > 1:
                return None
            places.append(_lost_trail(page, leads[0], note[1] if note else ""))
            position = note.end() if note else position + 1
            break
        code = _bytes(char)
        if len(code) not in (1, 2) or not (options := _characters(leads, code[:1])):
            return None
        places.append(options)
        position += 1
        if len(code) == 1:
            break
        leads = (code[1],)
    else:
        return None
    while position in page.notes:
        position = page.notes[position]
    known = [place for place in places if len(place) == 1]
    if not known or any(not place for place in places):
        return None
    return _Reading(start, position, tuple(places), text[start:position])


def _lost_trail(page: _Page, lead: int, syllable: str) -> tuple[str, ...]:
    """The characters with a first byte, those annotated with a syllable if there are any."""
    options = _characters((lead,), _TRAILS)
    noted = page.readings.get(syllable, set())
    return tuple(char for char in options if char in noted) or options


def _best(
    page: _Page, wording: Wording, readings: list[_Reading]
) -> tuple[_Reading, str] | None:
    """The reading that is proved, with what it says; the one with most known pairs of several."""
    proved = []
    for reading in readings:
        said = _fill(page, wording, reading)
        before, after = page.before(reading.start), page.after(reading.end)
        pairs = wording.pairs(fold(before + said + after))
        sound = [fold(place[0]) for place in reading.places if len(place) == 1]
        odd = _odd(wording, reading.raw)
        strange = sum(not wording.familiar(char) for char in sound)
        raw = pinyin.NOTE.sub("", reading.raw)
        better = pairs > wording.pairs(fold(before + raw + after))
        enough = pairs >= max(1, KNOWN_PAIRS * len(said)) and better
        common = strange == 0 and len(sound) >= PROOF and odd >= ODD
        if odd and strange <= len(sound) // 10 and (enough or common):
            proved.append((pairs, -said.count("?"), reading, said))
    if not proved:
        return None
    _, _, reading, said = max(proved, key=lambda each: each[:2])
    return reading, said


def _fill(page: _Page, wording: Wording, reading: _Reading) -> str:
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
        return "?"
    here, there = fold(before), fold(after)
    ranked = sorted(
        ((wording.fit(here, fold(char), there), char) for char in options), reverse=True
    )
    (best, char), (second, _) = ranked[0], ranked[1]
    if best < MARGIN * second:
        return "?"
    folded = fold(char)
    if wording.seen(here, folded) or wording.seen(folded, there):
        return char
    # A full stop follows anything, so it need not have been seen behind this very character.
    rivals = any(is_common_pair(here, fold(option)) for option in options)
    return char if char == "。" and not rivals else "?"


def _odd(wording: Wording, raw: str) -> int:
    """How many signs of damage a run shows: strange characters, letters amid Chinese, cut notes."""
    bare = pinyin.NOTE.sub("", raw)
    cut = len(_CUT_NOTE.findall(bare))
    bare = _CUT_NOTE.sub("", bare)
    strange = sum(_is_odd(char) and not wording.familiar(fold(char)) for char in bare)
    return cut + strange + bare[-1:].isalpha() * bare[-1:].isascii()


def _is_odd(char: str) -> bool:
    """Whether prose seldom holds a character: private use, kana, bopomofo, uncommon characters."""
    if "\ue000" <= char <= "\uf8ff" or "\u3041" <= char <= "\u312f":
        return True
    code = _bytes(char) if "\u4e00" <= char <= "\u9fff" else b""
    return bool(code) and not _is_common(fold(char))


@functools.lru_cache(maxsize=8192)
def _is_common(char: str) -> bool:
    try:
        return 0xB0 <= char.encode("gb2312")[0] <= 0xD7
    except UnicodeEncodeError:
        return False


def _sound(page: _Page, attempts: dict[int, list[_Reading]]) -> Iterator[str]:
    """The folded text without notes, cut at lost characters and at all that may be out of step."""
    folded = fold(page.text)
    position = 0
    for start, readings in [*attempts.items(), (len(folded), [])]:
        if position < start:
            yield from re.split(f"[{_LOST}]", pinyin.NOTE.sub("", folded[position:start]))
        position = max([position, start, *(reading.end for reading in readings)])


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
