"""The offline chat model: a chat model like any other, whole or streamed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.tools import tool

from copilot.models.offline import OfflineChatModel


@tool
def look_up(query: str) -> str:
    """Look something up."""
    return query


def model_that_says(message: AIMessage) -> OfflineChatModel:
    return OfflineChatModel(respond=lambda messages, tools: message)


def streamed(model: OfflineChatModel) -> tuple[list[AIMessageChunk], AIMessageChunk]:
    chunks = list(model.stream([HumanMessage("?")]))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return chunks, whole


def test_it_sees_the_messages_and_the_tools_bound_to_it() -> None:
    seen: list[tuple[list[BaseMessage], tuple[str, ...]]] = []

    def respond(messages: list[BaseMessage], tools: tuple[str, ...]) -> AIMessage:
        seen.append((messages, tools))
        return AIMessage("好")

    model = OfflineChatModel(respond=respond)
    model.invoke([HumanMessage("没有工具")])
    model.bind_tools([look_up]).invoke([HumanMessage("有工具")])
    list(model.bind_tools([look_up], tool_choice="any").stream([HumanMessage("流")]))
    assert [tools for _, tools in seen] == [(), ("look_up",), ("look_up",)]
    assert [messages[-1].content for messages, _ in seen] == ["没有工具", "有工具", "流"]


@given(st.text(max_size=200))
def test_the_pieces_of_a_stream_add_up(text: str) -> None:
    chunks, whole = streamed(model_that_says(AIMessage(text)))
    assert whole.content == text
    assert whole.tool_calls == []
    assert chunks[-1].chunk_position == "last" or whole.response_metadata is not None


def test_a_stream_comes_by_sentences() -> None:
    chunks, _ = streamed(model_that_says(AIMessage("第一句。第二句！\n- 一项\n完")))
    assert [chunk.content for chunk in chunks if chunk.content] == [
        "第一句。",
        "第二句！",
        "\n",
        "- 一项\n",
        "完",
    ]


def test_tool_calls_survive_streaming() -> None:
    call = {"name": "look_up", "args": {"query": '退款"流程"'}, "id": "c1", "type": "tool_call"}
    other = {"name": "look_up", "args": {"query": "预算"}, "id": "c2", "type": "tool_call"}
    message = AIMessage("", tool_calls=[call, other], response_metadata={"model_name": "offline"})
    _, whole = streamed(model_that_says(message))
    assert whole.tool_calls == [call, other]
    assert whole.response_metadata["model_name"] == "offline"
    assert model_that_says(message).invoke([HumanMessage("?")]).tool_calls == [call, other]


@pytest.mark.parametrize("key", ["copilot_kind", "model_name"])
def test_metadata_survives_streaming(key: str) -> None:
    _, whole = streamed(model_that_says(AIMessage("好", response_metadata={key: "x"})))
    assert whole.response_metadata[key] == "x"
