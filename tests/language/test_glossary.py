"""Glossary: what people call a thing, and its formal term."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.errors import BadInput
from copilot.language import glossary
from copilot.language.glossary import Glossary, Match

GROUPS = [
    ("复购", "回头客", "再买", "repurchase"),
    ("投资回报率", "ROI"),
    ("头部用户", "大客户"),
    ("大客户经理", "大客户管家"),
]


@pytest.fixture(scope="module")
def small() -> Glossary:
    return Glossary(GROUPS)


def test_a_colloquial_word_leads_to_the_term(small: Glossary) -> None:
    assert small.matches("回头客太少") == [Match("回头客", "复购")]


def test_traditional_and_latin_words_count(small: Glossary) -> None:
    assert small.matches("回頭客太少") == [Match("回头客", "复购")]
    assert small.matches("roi 怎么算") == [Match("roi", "投资回报率")]


def test_the_longest_word_wins(small: Glossary) -> None:
    assert [match.term for match in small.matches("大客户管家")] == ["大客户经理"]
    assert [match.term for match in small.matches("大客户")] == ["头部用户"]


def test_a_shorter_word_inside_the_longest_is_not_found_too() -> None:
    nested = Glossary([("流失用户", "客户流失"), ("买家", "客户")])
    assert nested.matches("客户流失怎么办") == [Match("客户流失", "流失用户")]
    assert nested.matches("客户少") == [Match("客户", "买家")]


def test_words_are_found_in_the_order_of_the_question_and_each_term_once(small: Glossary) -> None:
    assert small.matches("roi 低，回头客少，再买的人也少") == [
        Match("roi", "投资回报率"),
        Match("回头客", "复购"),
    ]


def test_a_word_of_two_things_leads_to_both() -> None:
    both = Glossary([("微信群", "群"), ("私域流量", "自家池子"), ("社群", "自家池子")])
    assert [match.term for match in both.matches("自家池子怎么养")] == ["私域流量", "社群"]


def test_one_character_is_in_too_many_words(small: Glossary) -> None:
    one = Glossary([("微信群", "群")])
    assert one.matches("群怎么建") == []
    assert len(one) == 1


def test_a_question_that_names_everything_is_cut_short() -> None:
    many = Glossary([(f"正式{n:02}", f"俗称{n:02}") for n in range(30)])
    assert len(many.matches(" ".join(f"俗称{n:02}" for n in range(30)))) == 12


def test_a_term_that_is_already_said_is_left_out(small: Glossary) -> None:
    assert small.matches("复购和回头客") == []
    assert small.matches("復購和回頭客") == []


def test_latin_words_are_not_cut_out_of_longer_ones(small: Glossary) -> None:
    assert small.matches("heroin 上 roids") == []
    assert [match.word for match in small.matches("ROI高吗，算roi吗")] == ["roi"]


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    for match in Glossary(GROUPS).matches(text):
        assert match.term in {group[0] for group in GROUPS}


def test_the_shipped_glossary_can_be_read() -> None:
    groups = glossary.read(Path(__file__).parents[2] / "knowledge" / "glossary.csv")
    assert len(groups) >= 400
    assert [match.term for match in Glossary(groups).matches("回头客咋变多")]


# Reading -----------------------------------------------------------------------------------------


def _table(folder: Path, content: bytes) -> Path:
    path = folder / "glossary.csv"
    path.write_bytes(content)
    return path


def test_a_table_becomes_groups_headed_by_their_terms(tmp_path: Path) -> None:
    rows = [
        "\ufeffterm,synonyms,english,note",  # as Excel writes it
        "复购, 回头客 |再买||复购,repurchase,销售",
        '转化率,"成交率|下单率",conversion rate|CVR,',
        ",,,只有说明",
        "社群",
    ]
    path = _table(tmp_path, "\r\n".join(rows).encode())
    assert glossary.read(path) == [
        ("复购", "回头客", "再买", "repurchase"),
        ("转化率", "成交率", "下单率", "conversion rate", "CVR"),
        ("社群",),
    ]


def test_a_table_without_rows_has_no_groups(tmp_path: Path) -> None:
    assert glossary.read(_table(tmp_path, b"term,synonyms,english\n")) == []
    assert Glossary(glossary.read(_table(tmp_path, b""))).matches("回头客") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n", "no column `term`"),
        ("term\n回头客\n".encode("gb18030"), "glossary.csv"),
        (b"term\n" + b"x" * 200_000 + b"\n", "field larger"),
    ],
)
def test_what_is_no_such_table_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    # The limit is the whole process's: who reads larger tables raises it.
    limit = csv.field_size_limit(100_000)
    try:
        with pytest.raises(BadInput, match=words):
            glossary.read(_table(tmp_path, content))
    finally:
        csv.field_size_limit(limit)


def test_a_table_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"glossary\.csv"):
        glossary.read(tmp_path / "glossary.csv")
