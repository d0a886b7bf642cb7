"""Layout: lines and paragraphs of plain text put right without touching a word."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from copilot.playbook.cleaning.shift import is_odd

# Hard-wrapped text has lines of one width, in columns (a Chinese character takes two).
NARROWEST, WIDEST = 40, 130
# This share of the lines cut within a sentence must be full, and this many of them there must be.
FULL_SHARE, FULL_LINES = 0.6, 3
# So many marks behind full stops say that marks are meant.
SYSTEMATIC = 3
# A line this long that ends a sentence is a paragraph, not a verse or an address.
PARAGRAPH = 30

_LINE_END = re.compile("\r\n|[\r\x0b\x85\u2028\u2029]")
# Zero-width, bidirectional and control characters, soft hyphens; the joiner of emoji stays.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff]|(?<![\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d"
)
_SYMBOL_BULLET = re.compile(r"^([ \t]*)[\uf000-\uf0ff][ \t]*", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")

# A paragraph mark that an encoding had no place for became `?`. Behind a full stop nobody asks.
_MARK = re.compile(r"(?<=[。：；])([\"”』」’）)]{0,2})\?(?=\S)")
_SECOND_MARK = re.compile(r"(?<=[^?][?？!！])\?(?=[\u4e00-\u9fffA-Z])")
_OPENING_MARK = re.compile(r"^([ \t\u3000]*)\?(?=[^\s?!？！])", re.MULTILINE)

_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)")
_SPECIAL = re.compile(
    r"^\s*(?:[-*+•·▪◦○●>|]\s?|#{1,6}\s|\d{1,3}[.、)）]|[（(]\d{1,3}[)）]|[\u2460-\u2473]"
    r"|[一二三四五六七八九十]{1,3}、|[A-Za-z][.)]\s|第[一二三四五六七八九十\d]{1,3}[章节節条條]"
    r"|\d{1,2}\.\d{1,2}|[^，。,]{1,12}[:：]$)"
)
_COLUMNS = re.compile(r"\S {3,}(?=\S)")
_SENTENCE = re.compile(r"[。！？!?…；;：:.][\"”』」’）)*_]{0,4}$")
_WORD = re.compile(r"[!-~]{1,40}")
_HYPHEN = re.compile(r"[A-Za-z]{2,}-$")


def tidy(text: str) -> str:
    """One kind of line end, no invisible characters, symbol-font bullets as `•`."""
    text = _INVISIBLE.sub("", _LINE_END.sub("\n", text))
    if _SURROGATE.search(text):
        text = _SURROGATE.sub("\ufffd", text)
    return _SYMBOL_BULLET.sub(r"\1• ", text)


def marks(text: str) -> list[int]:
    """Where `?` stands for a paragraph mark: behind a full stop, or at the beginning of lines.

    At the beginning of a line only when two lines begin so, behind a question mark only in a text
    that has some behind full stops.
    """
    found = [mark.end() - 1 for mark in _MARK.finditer(text)]
    if len(found) >= SYSTEMATIC:
        found += [
            mark.start() for mark in _SECOND_MARK.finditer(text) if not is_odd(text[mark.end()])
        ]
    opening = [mark.end() - 1 for mark in _OPENING_MARK.finditer(text)]
    return sorted({*found, *(opening if len(opening) > 1 else [])})


def width(text: str) -> int:
    """The width in columns at which the text's lines were wrapped, 0 when they were not."""
    cut = [
        (line, following)
        for line, following in pairwise(_prose_lines(text))
        if line.strip() and following.strip() and not following.startswith("\u3000")
        if not _SPECIAL.match(following) and not ends_sentence(line)
    ]
    if len(cut) < FULL_LINES:
        return 0
    widths = sorted(columns(line) for line, _ in cut)
    full = widths[int(len(widths) * 0.9)]
    if not NARROWEST <= full <= WIDEST or widths[-1] > full * 1.3:
        return 0
    filled = sum(_fills(line, following, full) for line, following in cut)
    return full if filled >= max(FULL_LINES, FULL_SHARE * len(cut)) else 0


def columns(line: str) -> int:
    """The width of a line on a fixed-width screen, blanks at its end left out."""
    line = line.rstrip()
    if line.isascii():
        return len(line)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def lay(text: str, *, wrapped: int, known: frozenset[str] = frozenset()) -> str:
    """Paragraphs divided by one blank line, list items and table rows on lines of their own.

    Args:
        wrapped: the width the text was wrapped at, from `width`; 0 leaves lines as they are.
        known: hyphenated words of the document, which keep their hyphen when a line ends in it.

    Returns:
        The same characters but for blanks, line ends, and the hyphens of words cut by a line end.
    """
    done: list[list[str]] = []  # lines, each in the pieces it is joined of
    last = ""  # the line before as it stood in the text, empty after a blank one
    fenced = False
    for line in text.split("\n"):
        line = line.rstrip()
        if _FENCE.match(line) or fenced:
            fenced ^= bool(_FENCE.match(line))
            done.append([line])
            last = ""
            continue
        bare = line.lstrip("\u3000 ") if line.startswith("\u3000") else line
        gap = _gap(last, line, wrapped, several=bool(done) and len(done[-1]) > 1)
        if not bare.strip():
            bare = ""
        elif gap == "joined":
            done[-1] = _join(done[-1], bare.strip(), known)
        else:
            done += [[""], [bare]] if gap == "paragraph" else [[bare]]
        if not bare and done and done[-1] != [""]:
            done.append([""])
        last = line if bare else ""
    return "\n".join("".join(pieces) for pieces in done).strip("\n")


def hyphenated(text: str) -> frozenset[str]:
    """The words of a text that are written with a hyphen within a line, in small letters."""
    return frozenset(word.lower() for word in re.findall(r"[A-Za-z]{2,30}-[A-Za-z]{2,30}", text))


def is_special(line: str) -> bool:
    """Whether a line is a list item, a table row, a heading, a quotation or a label."""
    return bool(_SPECIAL.match(line)) or _is_row(line)


def ends_sentence(line: str) -> bool:
    """Whether a line ends as a sentence does, closing quotes and emphasis aside."""
    return bool(_SENTENCE.search(line[-12:]))


def _gap(last: str, line: str, wrapped: int, *, several: bool) -> str:
    """What a line does behind another: "joined" to it, "line" of its own, new "paragraph".

    Args:
        several: whether the last line was itself joined to one before.
    """
    if not last or is_special(line) or _is_row(last):
        return "line"
    ended = ends_sentence(last)
    hanging = last.startswith(" ") or bool(_SPECIAL.match(last))
    if line.startswith("\u3000") or (wrapped and line.startswith("  ") and not hanging):
        return "paragraph"
    # A line that ends a sentence ends the paragraph as well, unless not one character more fits.
    if wrapped and (columns(last) >= wrapped - 2 if ended else _fills(last, line, wrapped)):
        return "joined"
    return "paragraph" if ended and (several or len(last) >= PARAGRAPH) else "line"


def _fills(line: str, following: str, full: int) -> bool:
    """Whether a line is so full that the first word or character of the next did not fit.

    Four columns of tolerance: no line begins with a full stop or a closing bracket.
    """
    first = _WORD.match(following.lstrip())
    return columns(line) + (len(first[0]) if first else 2) + 3 > full


def _join(pieces: list[str], line: str, known: frozenset[str]) -> list[str]:
    last = pieces[-1]
    if _HYPHEN.search(last[-40:]) and line[:1].islower() and line[:1].isascii():
        word = re.sub(r"[^a-z-]", "", f"{last.split()[-1]}{line.split()[0]}".lower())
        pieces[-1] = last if word in known else last[:-1]
    elif last[-1:].isascii() and line[:1].isascii():
        pieces.append(" ")
    pieces.append(line)
    return pieces


def _is_row(line: str) -> bool:
    return "\t" in line.strip() or "|" in line or len(_COLUMNS.findall(line.strip())) > 1


def _prose_lines(text: str) -> list[str]:
    """The lines outside fenced code and tables, blank ones for what is left out."""
    lines = []
    fenced = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        lines.append("" if fenced or _is_row(line) else line)
    return lines
