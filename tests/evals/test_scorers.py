"""Scorers: each with cases that pass and cases that must not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals import scorers

ANSWER = """【怎么做】[1]
1. 每周五搞一次抽奖，奖品不超过50元[1]
2. 私聊3位老成员[2]

活动办完要复盘。[1]下次人数会涨20%。[2]

来源：[1]《甲》§一
来源：[2]《乙》§2.3"""

PASSAGES = {1: "抽奖奖品控制在50元以内。活动要复盘。", 2: "先找 3 位成员。人数涨了２０%。"}


@pytest.mark.parametrize(
    ("text", "wording", "expected"),
    [
        ("留存率为25%", "25%", True),
        ("留存率为25%", "5%", False),
        ("留存率为0.5%", "5%", False),
        ("罚款 200 万元", "200万元", True),
        ("罚款1,200万元", "200万元", False),
        ("用戶訪談和問卷調查", "问卷调查", True),
        ("用 kol 带一带", "KOL", True),
        ("**发帖数**：每天", "发帖数", True),
        ("ＲＯＩ＝收益－成本", "roi=收益-成本", True),
        ("什么也没有", "发帖数", False),
    ],
)
def test_a_wording_is_found_as_the_data_card_says(text: str, wording: str, expected: bool) -> None:
    assert scorers.says(scorers.plain(text), wording) is expected


def test_all_facts_count_each_in_any_wording() -> None:
    facts = (("甲", "乙"), ("丙",))
    assert scorers.held(["有乙", "有丙"], facts) == 1.0
    assert scorers.held(["有乙和甲"], facts) == 0.5
    assert scorers.held([], facts) == 0.0


def test_a_fact_must_not_be_pieced_together_from_two_texts() -> None:
    assert scorers.held(["问卷", "调查"], (("问卷调查",),)) == 0.0


def test_recall_looks_at_the_first_k_together() -> None:
    texts = ["有甲", "有乙", "有丙"]
    assert scorers.recall(texts, (("甲",), ("乙",)), 1) == 0.0
    assert scorers.recall(texts, (("甲",), ("乙",)), 2) == 1.0
    assert scorers.recall(texts, (("丙",),), 2) == 0.0


def test_reciprocal_rank_is_of_the_first_hit_from_a_wanted_place() -> None:
    hits = [{"002#1.1"}, set(), {"000#Q3", "000#Q4"}]
    assert scorers.reciprocal_rank(hits, ["000#Q4"]) == pytest.approx(1 / 3)
    assert scorers.reciprocal_rank(hits, ["002#1.1", "000#Q4"]) == 1.0
    assert scorers.reciprocal_rank(hits, ["000#Q5"]) == 0.0


def test_ndcg_counts_a_place_once_and_discounts_it_by_rank() -> None:
    assert scorers.ndcg([{"a"}, {"b"}], ["a", "b"], 10) == 1.0
    assert scorers.ndcg([{"a"}, {"a"}, {"b"}], ["a", "b"], 10) < 1.0
    assert scorers.ndcg([{"x"}, {"a"}], ["a"], 10) == pytest.approx(0.6309, abs=1e-4)
    assert scorers.ndcg([{"x"}, {"a"}], ["a"], 1) == 0.0
    assert scorers.ndcg([], ["a"], 10) == 0.0


@given(st.lists(st.sets(st.sampled_from("abc")), max_size=8), st.sets(st.sampled_from("abc")))
def test_ndcg_and_rank_are_shares(hits: list[set[str]], wanted: set[str]) -> None:
    assert 0.0 <= scorers.ndcg(hits, wanted, 5) <= 1.0
    assert 0.0 <= scorers.reciprocal_rank(hits, wanted) <= 1.0


def test_statements_are_items_and_sentences_without_the_sources() -> None:
    assert scorers.statements(ANSWER) == [
        "【怎么做】[1]",
        "1. 每周五搞一次抽奖，奖品不超过50元[1]",
        "2. 私聊3位老成员[2]",
        "活动办完要复盘[1]。",
        "下次人数会涨20%[2]。",
    ]


def test_a_lead_in_states_nothing() -> None:
    assert scorers.statements("可以这样做：\n- 抽奖[1]") == ["- 抽奖[1]"]


def test_a_note_between_a_sentence_and_its_mark_belongs_to_it() -> None:
    assert scorers.cited("活跃度提升200%。（002 §2.2）（000 Q3）[1]", {1}) == 1.0


def test_every_statement_must_carry_marks_that_exist() -> None:
    assert scorers.cited(ANSWER, {1, 2}) == 1.0
    assert scorers.cited(ANSWER, {1}) == pytest.approx(3 / 5)
    assert scorers.cited("先复盘。再抽奖。[1]", {1}) == 0.5
    assert scorers.cited("没有任何出处。", {1}) == 0.0
    assert scorers.cited("", {1}) == 0.0


def test_supported_numbers_stand_in_what_their_statement_cites() -> None:
    assert scorers.unsupported(ANSWER, PASSAGES) == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("奖品不超过500元[1]", ["500"]),
        ("人数涨20%[1]", ["20"]),
        ("人数涨20%", []),
        ("人数涨99%", ["99"]),
        ("1. 抽奖[1]\n2. 复盘[1]", []),
        ("1. 抽奖7次[1]", ["7"]),
        ("奖品不超过50元[9]", []),
        ("奖品 1,050 元[1]", ["1050"]),
    ],
)
def test_unsupported_numbers_are_named(text: str, missing: list[str]) -> None:
    assert scorers.unsupported(text, PASSAGES) == missing


def test_length_leaves_marks_sources_and_blanks_out() -> None:
    assert scorers.length("先 复盘。[1]\n再抽奖。[12]\n\n来源：[1]《甲》") == 8
    assert scorers.length("来源[1]《甲》§一") == 0
