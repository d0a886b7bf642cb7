"""Pinyin notes: readings that a converter left in brackets behind the characters it changed."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator

# Letters of pinyin with and without tone marks; GB2312 has its own slots for ɑ and ɡ.
LETTERS = "a-zāáǎàēéěèīíǐìōóǒòūúǔùüǖǘǚǜêńňǹɑɡ"
NOTE = re.compile(f"[(（]([{LETTERS}]{{1,6}})[)）]")
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# What a note may follow: a character, or what damage makes of one (private use, kana, bopomofo).
_HOST = re.compile(f"[{HAN}\ue000-\uf8ff\u3040-\u312f]")
# A reading without tone mark looks like an English word, `(he)`, `(pin)`; and one reading in a text
# may be the author's own. This many notes with tone marks say that a converter was at work.
SYSTEMATIC = 3

_TONES = {"\u0304", "\u0301", "\u030c", "\u0300"}
# Standard Mandarin syllables by initial (Hanyu Pinyin table, GB/T 16159), rare ones included.
_TABLE = """
: a ai an ang ao e ei en eng er o ou yi ya yao ye you yan yin yang ying yong yo wu wa wo wai wei wan
  wen wang weng yu yue yuan yun n ng
b: a o ai ei ao an en ang eng i ie iao ian in ing u
p: a o ai ei ao ou an en ang eng i ie iao ian in ing u
m: a o e ai ei ao ou an en ang eng i ie iao iu ian in ing u
f: a o ei ou an en ang eng u iao
d: a e ai ei ao ou an en ang eng ong i ia ie iao iu ian ing u uo ui uan un
t: a e ai ei ao ou an ang eng ong i ie iao ian ing u uo ui uan un
n: a e ai ei ao ou an en ang eng ong i ie iao iu ian in iang ing u uo uan un ü üe
l: a e ai ei ao ou an ang eng ong i ia ie iao iu ian in iang ing u uo uan un ü üe o
g: a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang
k: a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang
h: a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang
j: i ia ie iao iu ian in iang ing iong u ue uan un
q: i ia ie iao iu ian in iang ing iong u ue uan un
x: i ia ie iao iu ian in iang ing iong u ue uan un
zh: i a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang
ch: i a e ai ao ou an en ang eng ong u ua uo uai ui uan un uang
sh: i a e ai ei ao ou an en ang eng u ua uo uai ui uan un uang
r: i e ao ou an en ang eng ong u ua uo ui uan un
z: i a e ai ei ao ou an en ang eng ong u uo ui uan un
c: i a e ai ei ao ou an en ang eng ong u uo ui uan un
s: i a e ai ao ou an en ang eng ong u uo ui uan un
"""


def is_syllable(text: str) -> bool:
    """Whether the text is one syllable of Mandarin, with at most one tone mark."""
    plain, tones = _toneless(text)
    return tones <= 1 and plain in _syllables()


def is_toned(text: str) -> bool:
    """Whether the text carries exactly one tone mark."""
    return _toneless(text)[1] == 1


def notes(text: str) -> Iterator[re.Match[str]]:
    """The brackets that hold one syllable, wherever they stand; group 1 is the syllable."""
    return (note for note in NOTE.finditer(text) if is_syllable(note[1]))


def removable(text: str) -> list[tuple[int, int]]:
    """Where the text has notes that a converter left.

    A note with a tone mark in ASCII brackets directly behind a character always goes. One without
    tone mark, in full-width brackets, or behind anything else that is no blank (`F(xiàn)`: a
    character that damage made a letter of) goes in a text that has `SYSTEMATIC` of the first sort.

    Returns:
        (start, end) of each note, in order.
    """
    found = [(note, bool(_HOST.match(text, note.start() - 1))) for note in notes(text)]
    certain = {
        note.start()
        for note, hosted in found
        if hosted and note.start() and note[0][0] == "(" and is_toned(note[1])
    }
    systematic = len(certain) >= SYSTEMATIC
    return [
        note.span()
        for note, hosted in found
        if note.start() in certain
        or (systematic and note.start() and (hosted or _behind_letter(text, note)))
    ]


def _behind_letter(text: str, note: re.Match[str]) -> bool:
    return is_toned(note[1]) and not text[note.start() - 1].isspace()


@functools.lru_cache(maxsize=4096)
def _toneless(text: str) -> tuple[str, int]:
    apart = unicodedata.normalize("NFD", text.replace("ɑ", "a").replace("ɡ", "g"))
    plain = "".join(char for char in apart if char not in _TONES)
    return unicodedata.normalize("NFC", plain), len(apart) - len(plain)


@functools.cache
def _syllables() -> frozenset[str]:
    syllables: set[str] = set()
    initial = ""
    for word in _TABLE.split():
        if word.endswith(":"):
            initial = word[:-1]
        else:
            syllables.add(initial + word)
    return frozenset(syllables)
