"""Shift: what a run of GBK text says when its bytes are put back in step.

How the damage came about (worked out on the pages of a document-sharing site, docs/decisions/0004):
a converter searched GBK text for two-byte codes without asking where characters begin. Where the
second byte of one character and the first of the next looked like one of its codes it cut there,
and what followed was decoded one byte out of step:

- `。` (A1 A3) before 互 (BB A5) holds A3 BB, the full-width `；`: A1 alone became `?`, A3 BB became
  `;`, and A5 was paired with the first byte of the next character, and so on;
- 當 (AE 94) before 的 (B5 C4) holds 94 B5, a character that gets a note: B5 and the bracket became
  `?`, the rest of the note stayed, and C4 was paired with what followed.

A run ends where a second byte is an ASCII letter (a traditional character ends so: 則 is 84 74, its
`t` stays behind), or where the converter cut again: the byte left over became `?`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from copilot.playbook.cleaning import pinyin
from copilot.playbook.cleaning.wording import fold

# What stands for a byte that made no character.
LOST = "?\ufffd"
# A run crosses no clause: the longest of the 14 in the book is 26 characters, few clauses reach 60.
LONGEST = 120
# Runs tried in one text; a book of 5 MB damaged like that one has 4 000.
TRIES = 10_000
# How far behind a bare `?` something odd must stand for it to be worth a try.
NEARBY = 12

# A note that lost its opening bracket together with the byte before it.
CUT_NOTE = re.compile(rf"[{LOST}]\(?([{pinyin.LETTERS}]{{1,6}})\)")
_HAN = re.compile(f"[{pinyin.HAN}]")
_PUNCTUATION = frozenset("。，、；：？！“”‘’《》（）·—…")
_LEADS = tuple(range(0x81, 0xFF))
_TRAILS = tuple(byte for byte in range(0x40, 0xFF) if byte != 0x7F)
_NARROWED = frozenset(",.:;!")
_QUOTES = {'"': ((0xA1, 0xB0), (0xA1, 0xB1)), "'": ((0xA1, 0xAE), (0xA1, 0xAF))}


@dataclass(frozen=True, slots=True)
class Reading:
    """A way to read a run in step: for each place the character, or several where a byte is lost.

    ``start`` and ``end`` say where the run stands; ``cut`` that it begins as the converter's cuts
    do (not with a bare `?`); ``confirmed`` how many characters agree with a note behind them.
    """

    start: int
    end: int
    places: tuple[tuple[str, ...], ...]
    cut: bool
    confirmed: int


@dataclass(slots=True)
class Page:
    """A text under repair: where its notes stand, which characters carry which, what was mended."""

    text: str
    notes: dict[int, tuple[int, str]] = field(default_factory=dict)  # start -> end, syllable
    ends: dict[int, int] = field(default_factory=dict)  # end -> start
    noted: dict[str, set[str]] = field(default_factory=dict)  # syllable -> characters
    mended: dict[int, str] = field(default_factory=dict)  # end of a run -> what it says

    def before(self, position: int) -> str:
        """The two characters before a position, notes skipped; fewer at the beginning."""
        found = ""
        while len(found) < 2 and position:
            if position in self.mended:
                return (self.mended[position] + found)[-2:]
            if position in self.ends:
                position = self.ends[position]
            else:
                position -= 1
                found = self.text[position] + found
        return found

    def behind(self, position: int) -> tuple[str, str]:
        """The two characters from a position on, notes skipped; empty behind the end."""
        first = self.skip(position)
        second = self.skip(first + 1)
        return self.text[first : first + 1], self.text[second : second + 1]

    def skip(self, position: int) -> int:
        """The position behind the notes that begin at a position."""
        while position in self.notes:
            position = self.notes[position][0]
        return position

    def confirms(self, position: int, place: tuple[str, ...]) -> bool:
        """Whether the note at a position is one that the place's only character carries."""
        _, syllable = self.notes.get(position, (0, ""))
        return len(place) == 1 and place[0] in self.noted.get(syllable, ())


def page(text: str) -> Page:
    """A text with its notes looked up; without any when nothing in it is lost."""
    found = Page(text)
    if not any(lost in text for lost in LOST):
        return found
    for note in pinyin.notes(text):
        found.notes[note.start()] = (note.end(), note[1])
        found.ends[note.end()] = note.start()
        if note.start() and _HAN.match(text[note.start() - 1]):
            found.noted.setdefault(note[1], set()).add(text[note.start() - 1])
    return found


def readings(page: Page) -> tuple[dict[int, list[Reading]], int]:
    """The runs that may begin at lost characters.

    Returns:
        the ways to read each, by position, in order; and the position from which on nothing was
        tried because a text with so many is no longer worth it, the text's end as a rule.
    """
    found: dict[int, list[Reading]] = {}
    tries = 0
    for lost in re.finditer(f"[{LOST}]", page.text):
        start = lost.start()
        for first, leads, position in _entries(page, start):
            tries += 1
            if reading := _read(page, start, first, leads, position):
                found.setdefault(start, []).append(reading)
        if tries >= TRIES:
            return found, start + 1
    return found, len(page.text)


def oddities(raw: str) -> list[str]:
    """The signs of damage in a run: strange characters, cut notes, a letter left at its end."""
    bare = pinyin.NOTE.sub("", raw)
    found = [note[0] for note in CUT_NOTE.finditer(bare)]
    bare = CUT_NOTE.sub("", bare)
    found += [char for char in bare if is_odd(char)]
    return found + [char for char in bare[-1:] if char.isascii() and char.isalpha()]


def is_odd(char: str) -> bool:
    """Whether prose seldom holds a character: private use, kana, bopomofo, uncommon characters."""
    if "\ue000" <= char <= "\uf8ff" or "\u3041" <= char <= "\u312f":
        return True
    return "\u4e00" <= char <= "\u9fff" and not _is_common(fold(char))


def _entries(
    page: Page, start: int
) -> Iterator[tuple[tuple[str, ...] | None, tuple[int, ...], int]]:
    """The ways a run can begin at a lost character.

    Yields:
        what the lost byte was the first half of (None: nothing, it opens the next character), the
        possible first bytes of the next character, and where its second byte is to be read.
    """
    text = page.text
    if note := CUT_NOTE.match(text, start):
        if pinyin.is_syllable(note[1]):
            yield None, _noted_leads(page, start, note[1]) or _LEADS, note.end()
        return
    sign = text[start + 1 : start + 2]
    for trail, lead in _codes(sign):
        yield _characters(_LEADS, (trail,)), (lead,), start + 2
    if any(is_odd(char) for char in text[start + 1 : start + 1 + NEARBY]):
        yield None, _LEADS, start + 1


def _noted_leads(page: Page, start: int, syllable: str) -> tuple[int, ...]:
    """The second bytes of the annotated characters that begin with the last byte before a cut."""
    tail = _bytes(page.before(start)[-1:])[-1:]
    codes = (_bytes(char) for char in page.noted.get(syllable, ()))
    return tuple(sorted({code[1] for code in codes if len(code) == 2 and code[:1] == tail}))


def _codes(sign: str) -> Sequence[tuple[int, int]]:
    """The two-byte codes that a punctuation mark behind a lost byte can have been."""
    if sign in _QUOTES:
        return _QUOTES[sign]
    if "!" <= sign <= "~":
        # Full-width ASCII is row A3: the converter wrote A3 BB as `;`. Letters and digits are there
        # for converters that narrow those too.
        return ((0xA3, 0x80 | ord(sign)),)
    code = _bytes(sign)
    return ((code[0], code[1]),) if len(code) == 2 and code[0] in (0xA1, 0xA3) else ()


def _read(
    page: Page, start: int, first: tuple[str, ...] | None, leads: tuple[int, ...], position: int
) -> Reading | None:
    """Pair the bytes from a position on anew until they are in step; None when they never are."""
    text = page.text
    places: list[tuple[str, ...]] = [first] if first else []
    confirmed = int(first is None and len(leads) < len(_LEADS))
    cut = bool(CUT_NOTE.match(text, start)) or (first is not None and not text[start + 1].isalnum())
    inside = True
    while inside:
        if places:
            confirmed += page.confirms(position, places[-1])
        position = page.skip(position)
        if position >= min(len(text), start + LONGEST):
            return None
        code = _bytes(text[position])
        if text[position] in _NARROWED:
            code = bytes(
                (0xA3, 0x80 | code[0])
            )  # no second byte: a cut that happened to be in step
        if text[position] in LOST:
            note = CUT_NOTE.match(text, position)
            options, known = _lost_trail(page, leads, note[1] if note else "")
            confirmed += known
            position = note.end() if note else position + 1
        else:
            options = _characters(leads, code[:1]) if len(code) in (1, 2) else ()
            position += 1
        if not options:
            return None
        places.append(options)
        inside = len(code) == 2
        leads = (code[-1],)
    confirmed += page.confirms(position, places[-1])
    if all(len(place) > 1 for place in places):
        return None
    return Reading(start, page.skip(position), tuple(places), cut, confirmed)


def _lost_trail(page: Page, leads: tuple[int, ...], syllable: str) -> tuple[tuple[str, ...], bool]:
    """The characters with a first byte: those annotated with a syllable if there are, then True."""
    if len(leads) > 1:
        return (), False
    options = _characters(leads, _TRAILS)
    noted = tuple(char for char in options if char in page.noted.get(syllable, ()))
    return noted or options, bool(noted)


@functools.lru_cache(maxsize=8192)
def _bytes(char: str) -> bytes:
    """A character in GB18030, private use included; lone surrogates and nothing give no bytes."""
    try:
        return char.encode("gb18030")
    except UnicodeEncodeError:
        return b""


@functools.lru_cache(maxsize=8192)
def _is_common(char: str) -> bool:
    """Whether a character is in level 1 of GB2312, the 3 755 chosen by frequency of use."""
    try:
        return 0xB0 <= char.encode("gb2312")[0] <= 0xD7
    except UnicodeEncodeError:
        return False


@functools.lru_cache(maxsize=2048)
def _characters(leads: tuple[int, ...], trails: tuple[int, ...] | bytes) -> tuple[str, ...]:
    """The characters and Chinese punctuation marks that the bytes can be put together to."""
    pairs = (bytes((lead, trail)) for lead in leads for trail in trails)
    found = (pair.decode("gb18030", "ignore") for pair in pairs)
    return tuple(c for c in found if len(c) == 1 and (_HAN.match(c) or c in _PUNCTUATION))
