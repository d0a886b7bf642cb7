from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.playbook.cleaning import layout

PROSE = (
    "社群的节奏不能只靠管理员的热情，要有固定的栏目、固定的时间和固定的人，成员才会养成习惯。"
    "第一个月每天都要有人值班，第二个月可以减到隔天一次，到了第三个月就交给老成员轮流来做。"
)
ENGLISH = (
    "A community manager keeps the rhythm of the group, answers questions in the morning and again "
    "in the evening, and writes down what people asked for most often during the week."
)


def laid(text: str) -> str:
    return layout.lay(text, wrapped=layout.width(text), known=layout.hyphenated(text))


def wrap(text: str, size: int = 35) -> str:
    return "\n".join(text[place : place + size] for place in range(0, len(text), size))


@pytest.mark.parametrize("size", [24, 35, 40, 60])
def test_hard_wrapped_chinese_is_joined(size: int) -> None:
    text = f"{wrap(PROSE * 2, size)}\n\n{wrap(PROSE, size)}"
    assert laid(text) == f"{PROSE * 2}\n\n{PROSE}"


def test_indented_paragraphs_are_divided() -> None:
    text = wrap("　　" + PROSE) + "\n" + wrap("　　" + PROSE)
    assert laid(text) == f"{PROSE}\n\n{PROSE}"


def test_hard_wrapped_english_is_joined_with_blanks() -> None:
    text = f"{ENGLISH} {ENGLISH}"
    assert laid("\n".join(textwrap.wrap(text, 70))) == text


def test_words_cut_by_a_line_end_lose_their_hyphen() -> None:
    text = (
        "The community manager keeps the rhythm of the whole group and the manage-\n"
        "ment of the calendar, which is a well-known cause of trouble for the well-\n"
        "known reason that nobody reads it before the evening of the day before it\n"
        "happens, and then everybody does."
    )
    assert laid(text) == (
        "The community manager keeps the rhythm of the whole group and the management of the "
        "calendar, which is a well-known cause of trouble for the well-known reason that nobody "
        "reads it before the evening of the day before it happens, and then everybody does."
    )


@pytest.mark.parametrize(
    "text",
    [
        "- 签到\n- 破冰\n  - 自我介绍\n  - 游戏\n- 合影",
        "1. **定目标：** 写下来。\n2. **定人：** 三十个。\n\n**说明：**\n\n先定目标再找人。",
        "| 项目 | 金额 |\n|---|---|\n| 场地 | 800 |\n| 茶点 | 300 |",
        "项目\t金额\n场地\t800\n茶点\t300",
        "项目      金额      负责人\n场地      800       小林\n茶点      300       小周",
        "```python\nif a:\n    b\n\n\n    c\n```",
        "> 引用的第一行\n> 引用的第二行",
        "床前明月光\n疑是地上霜\n举头望明月\n低头思故乡",
        "问：几点开始？\n答：下午两点。",
        "地址：东湖路12号\n电话：略\n时间：周六",
        "",
        "只有一行",
    ],
)
def test_what_is_laid_out_stays(text: str) -> None:
    assert laid(text) == text
    assert layout.lay(text, wrapped=70) == text


def test_blank_lines_and_blanks_at_line_ends_go() -> None:
    assert laid("\n\n甲段。  \n \n\n\n乙段。\t\n") == "甲段。\n\n乙段。"


def test_long_lines_that_end_sentences_are_paragraphs() -> None:
    assert laid(f"{PROSE}\n{PROSE}\n- 一项") == f"{PROSE}\n\n{PROSE}\n- 一项"


@pytest.mark.parametrize(
    ("raw", "tidy"),
    [
        ("甲\r\n乙\r丙\u2028丁", "甲\n乙\n丙\n丁"),
        ("\ufeff社\u200b群\xad运\u202e营", "社群运营"),
        ("\uf0b7 签到\n  \uf0d8破冰", "• 签到\n  • 破冰"),
        ("👨\u200d👩\u200d👧 家庭", "👨\u200d👩\u200d👧 家庭"),
        ("社\u200d群", "社群"),
        ("坏\udcff字", "坏\ufffd字"),
        ("１２３，ＡＢ（见表）⒖", "１２３，ＡＢ（见表）⒖"),
    ],
)
def test_tidy(raw: str, tidy: str) -> None:
    assert layout.tidy(raw) == tidy


def test_marks_stand_behind_full_stops_and_at_line_starts() -> None:
    text = '先想清楚。?再动手。他说"好。"?于是开始了。'
    assert [text[:place][-1] for place in layout.marks(text)] == ["。", '"']
    assert layout.marks("?第一段\n?第二段") == [0, 5]


@pytest.mark.parametrize(
    "text", ["怎么办?我来。", "?", "?一个人", "真的!?假的", "好。 ?", "什么。？", "a?b", "吗?\n吗?"]
)
def test_questions_are_no_marks(text: str) -> None:
    assert layout.marks(text) == []


lines = st.lists(
    st.sampled_from(
        [
            PROSE,
            PROSE[:35],
            PROSE[35:70],
            ENGLISH,
            ENGLISH[:60],
            "- 项",
            "1. 项",
            "| a | b |",
            "",
            "　　段",
        ]
    ),
    max_size=25,
).map("\n".join)


@given(lines | st.text("甲，。a-b \n\t|#-1.　`~", max_size=200))
@settings(max_examples=400, deadline=None)
def test_laying_out_changes_blanks_only_and_doing_it_again_changes_nothing(text: str) -> None:
    once = laid(text)
    strip = str.maketrans("", "", " \n\t\u3000-")
    assert once.translate(strip) == text.translate(strip)
    assert layout.lay(once, wrapped=0) == once
