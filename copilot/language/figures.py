"""Figures: the amounts a text states, each as one value with one unit, however it is written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal

from copilot.language.normalize import search_form

# What counts, by the name it is compared under; longer spellings before those inside them.
_UNITS = {
    "%": ("%", "个百分点", "百分点"),
    "元": ("元", "块钱", "块"),
    "人": ("人", "名", "位", "个人", "个用户", "个成员"),
    "小时": ("小时", "个小时", "钟头", "个钟头"),
    "分钟": ("分钟",),
    "秒": ("秒",),
    "天": ("天", "日"),
    "周": ("周", "星期", "个星期", "礼拜", "个礼拜"),
    "月": ("个月", "月"),
    "季": ("个季度", "季度", "季"),
    "年": ("年",),
    "倍": ("倍",),
    "次": ("次", "回", "遍"),
    "场": ("场",),
    "套": ("套",),
    "家": ("家",),
    "条": ("条",),
    "篇": ("篇",),
    "个": ("个",),
    "分": ("分",),
}
_UNIT_OF = {spelling: unit for unit, spellings in _UNITS.items() for spelling in spellings}
_UNIT = "|".join(sorted(_UNIT_OF, key=len, reverse=True))
# Of small numbers in characters only these are figures: 「两个人」 is a way of speaking.
_SPOKEN = {"%", "个百分点", "百分点", "元", "块钱", "小时", "个小时", "倍", "个月"}
_SPOKEN_FROM = 100

_DIGITS = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_SCALES = {"十": 10, "百": 100, "千": 1_000, "万": 10_000, "亿": 100_000_000}
_LATIN_SCALES = {"w": 10_000, "k": 1_000}

_NUMBER = re.compile(
    # Behind a letter a number is part of a name (Q12, 4p); behind the x of 7x24 it is not.
    r"(?:(?<![a-z0-9.§#第])|(?<=\dx)|(?<=\d×))"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?: ?(?P<scale>[百千万亿]+|[wk](?![a-z])))?"
    rf"(?:(?:[多余来])? ?(?P<unit>{_UNIT})|(?![a-z0-9]))"
)
_NUMERAL = re.compile(
    r"(?<![第几数零〇一二两三四五六七八九十百千万亿])"
    r"(?:(?P<per>百分之)?(?P<numeral>[一二两三四五六七八九十][零〇一二两三四五六七八九十百千万亿]*)"
    r"|(?P<trillion>万亿))"
    # 成 is ten per cent, and the beginning of 成员, 成熟, 成本 …
    r"(?:(?P<tenths>成(?P<half>[半一二三四五六七八九]?)(?!不变|[员长熟本为果功交就品立型绩效分语]))"
    rf"|[多余来]?(?P<unit>{_UNIT}))?"
)
_YEAR = re.compile(r"([〇零一二三四五六七八九]{4})年")
_RANGE = re.compile(r"\s*(?:[-–—~]|到|至)\s*")
# What is numbered, dated, linked or circled states no amount.
_LABELS = re.compile(
    r"^\s*(?:[-*+>]\s+)*\d{1,3}[.、)](?!\d)|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}月\d{1,2}[日号]"
    r"|\[\[[^\]]*\]\]|\d{3}\s*[§#]\s*q?\d+(?:\.\d+)?"
)
_CIRCLED = re.compile("[①-⓿㉑-㊿]")


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount: ``value`` in ``unit`` (empty where none is known); ``text`` as it was written."""

    value: Decimal
    unit: str
    text: str

    @property
    def name(self) -> str:
        """How it is compared and stored: `25%`, `2000人`, `15000元`."""
        return f"{self.value.normalize():f}{self.unit}"


def figures(text: str) -> list[Figure]:
    """The figures of a text, in the order of their lines.

    Full width, traditional characters, thousands separators and scales are one notation; `五成` is
    50 %, `两千` 2000, `1.5万元` 15000 元, and in `3-9个月` both are months. List numbers, dates,
    ordinals (`第3天`) and numbers that belong to a name (`4P`, `Q12`) are none.
    """
    found: list[Figure] = []
    for line in text.split("\n"):
        form = _LABELS.sub(" ", search_form(_CIRCLED.sub(" ", line)))
        form = _YEAR.sub(lambda year: "".join(str(_DIGITS[each]) for each in year[1]) + "年", form)
        found.extend(_written(form))
        found.extend(_spoken(form))
    return found


def stands(figure: Figure, held: Collection[str]) -> bool:
    """Whether a figure is among the names of others; without a unit, whether its value is."""
    if figure.name in held:
        return True
    value = f"{figure.value.normalize():f}"
    if figure.unit:
        return value in held
    return any(re.fullmatch(rf"{re.escape(value)}\D*", each) for each in held)


def _written(form: str) -> Iterator[Figure]:
    """Figures in digits; the first of a range takes scale and unit of the second."""
    matches = list(_NUMBER.finditer(form))
    for place, match in enumerate(matches):
        owner = match
        if not (match["unit"] or match["scale"]) and place + 1 < len(matches):
            following = matches[place + 1]
            if _RANGE.fullmatch(form, match.end(), following.start()):
                owner = following
        scale = _scale(owner["scale"] or "")
        value = Decimal(match["digits"].replace(",", "")) * scale
        yield Figure(value, _UNIT_OF.get(owner["unit"] or "", ""), match[0].strip())


def _spoken(form: str) -> Iterator[Figure]:
    """Figures in characters, where they are amounts and not ways of speaking."""
    for match in _NUMERAL.finditer(form):
        value = 10**12 if match["trillion"] else _read(match["numeral"])
        unit = _UNIT_OF.get(match["unit"] or "", "")
        if value is None:
            continue
        if match["per"]:
            yield Figure(Decimal(value), "%", match[0])
        elif match["tenths"] and 0 < value < 10:
            part = match["half"]
            extra = 5 if part == "半" else _DIGITS.get(part, 0)
            yield Figure(Decimal(value * 10 + extra), "%", match[0])
        elif value >= _SPOKEN_FROM or (value > 1 and match["unit"] in _SPOKEN):
            yield Figure(Decimal(value), unit, match[0])


def _scale(characters: str) -> int:
    product = 1
    for each in characters:
        product *= _SCALES.get(each) or _LATIN_SCALES[each]
    return product


def _read(numeral: str) -> int | None:
    """The value of a number in characters; None for what is none (`三四`, `五五`)."""
    total = section = 0
    digit: int | None = None
    last = 0  # the scale that came last
    for each in numeral:
        if each in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[each]
            last = 0 if digit == 0 else last
            continue
        scale = _SCALES[each]
        if scale >= 10_000:
            total = (total + section + (digit or 0)) * scale
            section = 0
        else:
            section += (1 if digit is None else digit) * scale
        digit, last = None, scale
    # 「一万五」 is 15000, 「三百五」 350; behind a zero the digit is just a digit.
    rest = (digit or 0) * (last // 10 if last > 10 and digit else 1)
    return total + section + rest
