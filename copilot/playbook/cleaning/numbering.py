"""Numbering: the labels that headings and contents lines begin with."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DIGITS = "〇零一二三四五六七八九十百"
_UNITS = "编編篇卷部章节節讲講课課回"
_LABELS = (
    ("unit", re.compile(rf"第\s?(?:[{_DIGITS}]{{1,5}}|\d{{1,3}})\s?(部分|单元|單元|[{_UNITS}])")),
    (
        "word",
        re.compile(
            r"(chapter|part|section|appendix|unit|lesson|module)\s{1,2}"
            r"(?:\d{1,3}|[IVXLC]{1,6}|[A-Z])(?![A-Za-z0-9])",
            re.IGNORECASE,
        ),
    ),
    ("ordinal", re.compile(rf"[{_DIGITS}]{{1,4}}(?=[、.．])")),
    ("bracket", re.compile(rf"[（(][{_DIGITS}]{{1,3}}[)）]")),
    ("question", re.compile(r"Q\d{1,3}(?=[:：.、\s])")),
    # No quantity: `3.5倍`, `1.5万`, `99.9%`, `2.0版`, `v1.2.3`.
    (
        "decimal",
        re.compile(r"\d{1,2}(?:\.\d{1,2}){1,4}(?![\d.%％‰]|\s?[倍万萬亿億元年月个個小版折])"),
    ),
    ("integer", re.compile(r"\d{1,3}(?=[、．)）:：]|\.(?!\d))")),
)
_SEPARATORS = " \t\u3000、.．:：)）"
_DIGIT_VALUE = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0}


@dataclass(frozen=True, slots=True)
class Label:
    """A numbering label: its kind (labels of one kind stand on one level), number and length.

    ``number`` is what is cited (`2.3`, `一`, `第一章`, `Q12`); ``end`` is where the title begins.
    """

    kind: str
    number: str
    end: int


def label(text: str, position: int = 0) -> Label | None:
    """The label that stands at a position, with the separators behind it, or None."""
    for kind, pattern in _LABELS:
        if not (found := pattern.match(text, position)):
            continue
        end = found.end()
        while end < len(text) and end - found.end() < 4 and text[end] in _SEPARATORS:
            end += 1
        number = re.sub(r"\s", "", found[0]) if kind == "unit" else found[0]
        if kind in ("unit", "word"):
            kind = found[1].lower()
        elif kind == "decimal":
            kind = f"decimal {number.count('.')}"
        return Label(kind, number, end)
    return None


def split(heading: str) -> tuple[str, str]:
    """A heading's number (empty without one) and its title."""
    found = label(heading)
    if found is None or not heading[found.end :].strip():
        return "", heading
    return found.number, heading[found.end :].strip()


def last_value(number: str) -> int:
    """The last number of a label as an integer (`2.3` is 3, `第十二章` is 12); 0 without one."""
    if digits := re.findall(r"\d+", number):
        return int(digits[-1])
    found = re.search(f"[{_DIGITS}]+", number)
    if not found:
        return 0
    value = tens = 0
    for char in found[0]:
        if char == "百":
            value, tens = value + max(tens, 1) * 100, 0
        elif char == "十":
            value, tens = value + max(tens, 1) * 10, 0
        else:
            tens = _DIGIT_VALUE[char]
    return value + tens
