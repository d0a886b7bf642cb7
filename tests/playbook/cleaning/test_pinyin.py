from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.playbook.cleaning import pinyin


def stripped(text: str) -> str:
    for start, end in reversed(pinyin.removable(text)):
        text = text[:start] + text[end:]
    return text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("繼續(xù)", "繼續"),
        ("新興(xīng)行業(yè)", "新興行業"),
        ("女兒(ér)是綠(lǜ)色的略(lüè)", "女兒是綠色的略"),
        ("嗯(ńg)", "嗯"),
        # A character that damage made a letter of, once there are enough of the plain sort.
        ("數(shù)節(jié)規(guī) F(xiàn)代", "數節規 F代"),
        ("數(shù)節(jié)規(guī)了(le)", "數節規了"),
        ("數(shù)節(jié)規(guī)優（yōu）", "數節規優"),
    ],
)
def test_notes_of_a_converter_go(text: str, plain: str) -> None:
    assert stripped(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "人工智能(AI)",
        "意见领袖(KOL)",
        "用户内容(UGC)",
        "方法（见2.3）",
        "对照(A/B)",
        "函数(x)与群(a)里",
        "他(he)和她(she)",
        "了(le)和吗(ma)",
        "角色（jué）",
        "绿(lùsè)",
        "数(shùù)",
        "(xù)",
        "word (xù)",
        "F(xiàn)",
        "数(123)(xyz)",
    ],
)
def test_what_the_author_put_in_brackets_stays(text: str) -> None:
    assert stripped(text) == text


@pytest.mark.parametrize(
    "syllable",
    ["a", "zhuang", "shuāng", "lüè", "nǚ", "ér", "xiōng", "qu", "wèng", "ɡuō", "me"],
)
def test_syllables(syllable: str) -> None:
    assert pinyin.is_syllable(syllable)


@pytest.mark.parametrize(
    "word", ["", "x", "kol", "ai1", "xùè", "jia ", "bing2", "ruo2", "fong", "AI"]
)
def test_no_syllables(word: str) -> None:
    assert not pinyin.is_syllable(word)


@given(st.text("數續(xùAaé)（）中 \n", max_size=60))
def test_removal_only_takes_brackets(text: str) -> None:
    plain = stripped(text)
    assert [char for char in plain if char in "數續中"] == [
        char for char in text if char in "數續中"
    ]
    spans = pinyin.removable(text)
    assert all(text[start] in "(（" and text[end - 1] in ")）" for start, end in spans)
