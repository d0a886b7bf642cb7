"""The offline policy: what is small talk, and which question a follow-up asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from copilot.agent.policy import small_talk, standalone


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("你好呀", "greeting"),
        ("你好，在吗？", "greeting"),
        ("嗨～", "greeting"),
        ("HELLO", "greeting"),
        ("谢谢！", "thanks"),
        ("嗯，谢谢啦", "thanks"),
        ("ok thanks", "thanks"),
        ("thank you so much", "thanks"),
        ("你是机器人吗", "about"),
        ("你有什么功能？", "about"),
        ("who are you?", "about"),
        ("转人工", "handoff"),
        ("我要转真人！！", "handoff"),
        ("帮我找个真人", "handoff"),
        ("I want to talk to a human", "handoff"),
    ],
)
def test_small_talk_is_known(message: str, kind: str) -> None:
    assert small_talk(message) == kind


@pytest.mark.parametrize(
    "message",
    [
        "你好，怎么提高活跃度？",
        "谢谢的话术怎么写",
        "转人工的流程怎么设置",
        "什么时候该转人工",
        "群里怎么说你好",
        "早上几点发消息好",
        "在吗这种问候有用吗",
        "",
    ],
)
def test_questions_are_not_small_talk(message: str) -> None:
    assert small_talk(message) is None


@given(st.text(max_size=80))
def test_any_message_can_be_judged(message: str) -> None:
    assert small_talk(message) in (None, "greeting", "thanks", "about", "handoff")
    whole = standalone(message, [HumanMessage("线下读书会怎么办？")])
    assert whole == message or whole.endswith("线下读书会怎么办？")


def said(*questions: str) -> list[BaseMessage]:
    return [message for each in questions for message in (HumanMessage(each), AIMessage("答[1]。"))]


@pytest.mark.parametrize(
    ("before", "question", "query"),
    [
        ((), "那预算呢？", "那预算呢？"),
        (("读书会怎么办？",), "那预算呢？", "预算 读书会怎么办？"),
        (("读书会怎么办？",), "预算呢", "预算 读书会怎么办？"),
        (("读书会怎么办？", "那预算呢？"), "那时间呢？", "时间 读书会怎么办？"),
        (("读书会怎么办？", "谢谢"), "那预算呢？", "预算 读书会怎么办？"),
        (("读书会怎么办？", "退款怎么处理？"), "要多久呢？", "要多久 退款怎么处理？"),
        (("读书会怎么办？",), "会员不发言怎么挽回流失？", "会员不发言怎么挽回流失？"),
    ],
)
def test_a_follow_up_takes_its_topic_along(
    before: tuple[str, ...], question: str, query: str
) -> None:
    assert standalone(question, said(*before)) == query
