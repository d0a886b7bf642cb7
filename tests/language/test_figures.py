"""Figures: one value and unit for every way of writing an amount, and none where there is none."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.language.figures import Figure, figures, stands
from copilot.language.normalize import traditional


def names(text: str) -> list[str]:
    return [figure.name for figure in figures(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("提升40%", ["40%"]),
        ("提升４０％，多 35 个百分点", ["40%", "35%"]),
        ("五成愿意付费", ["50%"]),
        ("两成半、三成五", ["25%", "35%"]),
        ("百分之三十五", ["35%"]),
        ("获客成本降低40%-60%", ["40%", "60%"]),
        ("40–60%之间", ["40%", "60%"]),
        ("3-9个月", ["3月", "9月"]),
        ("3到9个月", ["3月", "9月"]),
        ("三个月", ["3月"]),
        ("1-3万元", ["10000元", "30000元"]),
        ("1.5万", ["15000"]),
        ("1.5w", ["15000"]),
        ("一万五", ["15000"]),
        ("12,000 元", ["12000元"]),
        ("8500元/月", ["8500元"]),
        ("超过10万家", ["100000家"]),
        ("突破万亿元", ["1000000000000元"]),
        ("两千名种子用户", ["2000人"]),
        ("3个月2000名种子用户", ["3月", "2000人"]),
        ("7x24小时", ["24小时"]),
        ("二〇二三年", ["2023年"]),
        ("增長兩倍", ["2倍"]),
        ("从5%涨到25%", ["5%", "25%"]),
        ("每周 1 次", ["1次"]),
    ],
)
def test_every_notation_is_one_figure(text: str, found: list[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "1. 先列清单\n2、再分工\n- 3) 收尾",
        "更新于 2026-11-24，11月12日开场",
        "4P理论、Q12、3D展厅、Z世代",
        "第3天、第 2 步".replace(" ", ""),
        "三成员、一分为二、五五分成、一成不变",
        "几十万人、数百人、三四成",
        "千人千面，千万别急，一个人",
        "[[stage-24]]",
        "见 002 §4.2、000#Q12",
        "①内容 ②节奏",
        "一次、两类、三个维度、四块",
    ],
)
def test_what_states_no_amount_is_no_figure(text: str) -> None:
    assert names(text) == []


def test_a_figure_keeps_how_it_was_written() -> None:
    (figure,) = figures("只有五成的人")
    assert figure == Figure(Decimal(50), "%", "五成")


@pytest.mark.parametrize(
    ("figure", "held", "is_there"),
    [
        ("25%", {"25%"}, True),
        ("5%", {"25%"}, False),
        ("25%", {"25人"}, False),
        ("2023", {"2023年"}, True),
        ("202", {"2023年"}, False),
        ("15000元", {"15000"}, True),
    ],
)
def test_a_figure_stands_where_value_and_unit_do(
    figure: str, held: set[str], is_there: bool
) -> None:
    assert stands(figures(figure)[0], held) is is_there


CHARACTERS = "零一二三四五六七八九"


def spoken(number: int) -> str:
    """A number up to 99 999 as people write it in characters."""
    if number >= 10_000:
        high, low = divmod(number, 10_000)
        zero = "零" if 0 < low < 1_000 else ""
        return f"{spoken(high)}万{zero}{spoken(low) if low else ''}"
    text, gap = "", False
    for scale, name in ((1_000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, scale)
        if digit:
            text += ("零" if gap and text else "") + CHARACTERS[digit] + name
        gap = not digit
    return text


@given(st.integers(min_value=100, max_value=99_999))
def test_numbers_in_characters_and_digits_are_the_same(number: int) -> None:
    written = figures(f"共{number}元")
    assert names(f"共{spoken(number)}元") == [figure.name for figure in written]
    assert names(f"共{number:,}元") == [f"{number}元"]


@given(st.integers(min_value=0, max_value=10**6), st.sampled_from(["%", "元", "人", "个月", "倍"]))
def test_script_and_width_change_nothing(number: int, unit: str) -> None:
    text = f"约有{number}{unit}左右"
    wide = text.translate({ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)})
    assert names(wide) == names(traditional(text)) == names(text) != []


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert all(figure.value >= 0 for figure in figures(text))
