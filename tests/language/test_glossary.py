"""Glossary: what people call a thing, and its formal term."""

from __future__ import annotations

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


def test_a_term_that_is_already_said_is_left_out(small: Glossary) -> None:
    assert small.matches("复购和回头客") == []


def test_latin_words_are_not_cut_out_of_longer_ones(small: Glossary) -> None:
    assert small.matches("heroin 上 roids") == []


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    for match in Glossary(GROUPS).matches(text):
        assert match.term in {group[0] for group in GROUPS}


def test_the_shipped_glossary_can_be_read() -> None:
    groups = glossary.read(Path(__file__).parents[2] / "knowledge" / "glossary.csv")
    assert len(groups) >= 400
    assert [match.term for match in Glossary(groups).matches("回头客咋变多")]


def test_a_table_without_terms_is_named(tmp_path: Path) -> None:
    path = tmp_path / "glossary.csv"
    path.write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(BadInput, match="term"):
        glossary.read(path)
