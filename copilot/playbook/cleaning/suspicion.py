"""Suspicion: what looks wrong in a text and is left as it is, for a person to look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from copilot.playbook.cleaning import layout, pinyin, shift

Reason = Literal[
    "bytes out of step",
    "character lost",
    "private-use character",
    "stray character",
    "breaks off",
    "front matter",
]

# Prose of this many sentences whose last line of this many characters ends in none breaks off.
SENTENCES, LAST_LINE = 2, 10
# Characters of text shown around a place, and within which two places are reported as one.
AROUND = 12

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_SIGNS: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    ("private-use character", re.compile("[\ue000-\uf8ff]+")),
    ("bytes out of step", shift.CUT_NOTE),
    ("character lost", re.compile(f"\ufffd+|锟斤拷|(?<=[{_HAN}])\\?(?=[{_HAN}])")),
    # One kana or bopomofo letter amid Chinese; の is at home there.
    (
        "stray character",
        re.compile(f"(?<=[{_HAN}])[\u3041-\u306d\u306f-\u30fa\u3105-\u312f](?=[{_HAN}])"),
    ),
)
_CUT_SIGNS: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    ("bytes out of step", re.compile(f"(?<=[{_HAN}%])(?:\\?[;,:!]\\??|\\?{{2,}})(?=[^\\s?])")),
)
_ASKING = re.compile(
    "[吗嗎呢么麼什谁誰哪几幾吧啥何怎否嘛咋啊呀]|多少|[^，,]不[^，,]|[有没沒]有|能不能|不"
)
_CLAUSE = re.compile("[。！？!?；;\n]")
_OPEN = re.compile(rf"[{_HAN}\w，,、（(《“\"「]$")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something that looks wrong, with the text around it and the section it stands in.

    ``offset`` counts characters from the beginning of the text as it was before repair.
    """

    reason: Reason
    excerpt: str
    section: str = ""
    offset: int = 0


def signs(text: str, *, cut: bool = False) -> Iterator[tuple[int, Reason]]:
    """Where a text shows damage that nobody could repair, each place once, and of what sort.

    Args:
        cut: whether runs out of step were found in it, so that `?;` or `??` is more than a habit.
    """
    found = sorted(
        (sign.start(), reason)
        for reason, pattern in (*_SIGNS, *(_CUT_SIGNS if cut else ()))
        for sign in pattern.finditer(text)
        if not _by_author(text, sign)
    )
    last = -AROUND - 1
    for position, reason in found:
        if position - last > AROUND:
            yield position, reason
        last = position


def breaks_off(text: str) -> bool:
    """Whether prose ends in the middle of a sentence."""
    last = text.rstrip().rpartition("\n")[2]
    if len(last.strip()) < LAST_LINE or layout.is_special(last) or layout.ends_sentence(last):
        return False
    sentences = len(re.findall("[。！？]", text)) + len(re.findall(r"[.!?](?=\s)", text))
    return sentences >= SENTENCES and bool(_OPEN.search(last[-1:]))


def excerpt(text: str, start: int, end: int) -> str:
    """A place in a text with what stands around it, on one line."""
    return " ".join(text[max(0, start - AROUND) : end + AROUND].split())


def _by_author(text: str, sign: re.Match[str]) -> bool:
    """Whether a sign can be the author's: a `?` behind a question, a bracket that ends so."""
    if sign.lastindex:
        return not pinyin.is_toned(sign[1]) or not pinyin.is_syllable(sign[1])
    if sign[0][0] != "?":
        return False
    clause = _CLAUSE.split(text[max(0, sign.start() - 60) : sign.start()])[-1]
    return bool(_ASKING.search(clause))
