"""Cues: what a question takes for granted, and what an answer would have to name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.language import normalize
from copilot.playbook import cues


def _form(text: str) -> str:
    return normalize.search_form(text)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("书里说的签到规则在第几章", True),
        ("我記得資料裡有一段講這個", True),
        ("手册建议几天发一次公告", True),
        ("怎么写群公告", False),
        ("读书会怎么办", False),
        ("想找几本教人带群的书", False),
    ],
)
def test_who_names_a_source_is_heard(question: str, expected: bool) -> None:
    assert cues.said(_form(question)) is expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("今天群里来了多少人", True),
        ("上周几个人退群", True),
        ("李四的会员到期了吗", True),
        ("发言前十名发我", True),
        ("多少人适合开一个新群", False),
        ("现在谁都不说话怎么办", False),
        ("今天想办个活动，怎么准备", False),
    ],
)
def test_a_question_for_own_records_is_live(question: str, expected: bool) -> None:
    assert cues.live(_form(question)) is expected


def test_clauses_about_the_asker_claim_nothing() -> None:
    assert cues.claim(_form("我们群800多人，没人说话，签到能提升多少")) == "没人说话,签到能提升多少"
    assert cues.claim(_form("我记得签到能提升30%")) == "我记得签到能提升30%"


@pytest.mark.parametrize(
    ("question", "evidence", "count"),
    [
        ("退款协议的模板发我", "先道歉，再退款", 1),
        ("退款协议的模板发我", "用下面的协议模板", 0),
        ("怎么在Discord里分组", "分组要看兴趣", 1),
        ("怎么在Discord里分组", "discord 的身份组", 0),
        ("抖音怎么引流", "短视频引流", 1),
        ("一场活动多少钱", "活动要准备场地", 1),
        ("一场活动多少钱", "一场活动1500元", 0),
        ("晚上几点发合适", "每天发一次", 1),
        ("晚上几点发合适", "早上9点发", 0),
        ("社群数据要分析哪几块", "三个方面", 0),
        ("怎么提高 kpi", "目标要量化", 0),
        ("打印机去哪买，多少钱", "没有", 3),
    ],
)
def test_what_the_evidence_does_not_name_is_absent(
    question: str, evidence: str, count: int
) -> None:
    assert cues.absent(question, _form(question), evidence) == count


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_read(question: str, evidence: str) -> None:
    form = _form(question)
    assert 0 <= cues.absent(question, form, evidence) <= 4
    assert isinstance(cues.said(form) and cues.live(form), bool)
