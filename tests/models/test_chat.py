"""The configured chat model: any provider, with a time limit, against a real endpoint."""

from __future__ import annotations

import time

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from openai import APIConnectionError, APITimeoutError, InternalServerError

from copilot.errors import SettingsError
from copilot.models.chat import configured
from copilot.models.scripted import Call, Reply, Request, ScriptedEndpoint, in_turn

ASK = [HumanMessage("怎么活跃？")]


@tool
def look_up(query: str) -> str:
    """Look something up."""
    return query


def model(endpoint: ScriptedEndpoint, timeout: float = 5.0):
    return configured("openai:any-model", base_url=endpoint.url, api_key="sk-test", timeout=timeout)


def test_it_asks_the_endpoint_that_is_set_with_its_key() -> None:
    with ScriptedEndpoint(in_turn(Reply("每天抛一个小问题。"))) as endpoint:
        assert model(endpoint).invoke(ASK).text == "每天抛一个小问题。"
    (request,) = endpoint.requests
    assert request.key == "sk-test"
    assert request.body["model"] == "any-model"
    assert request.texts("user") == ["怎么活跃？"]


def test_it_streams_and_counts_tokens() -> None:
    with ScriptedEndpoint(in_turn(Reply("每天抛一个人人能答的小问题。"))) as endpoint:
        chunks = list(model(endpoint).stream(ASK))
    assert "".join(chunk.text for chunk in chunks) == "每天抛一个人人能答的小问题。"
    assert sum(bool(chunk.text) for chunk in chunks) > 1
    assert any(chunk.usage_metadata for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_come_through(stream: bool) -> None:
    reply = Reply(calls=(Call("look_up", {"query": "退款"}), Call("look_up", {"query": "预算"})))
    with ScriptedEndpoint(in_turn(reply)) as endpoint:
        bound = model(endpoint).bind_tools([look_up])
        if stream:
            chunks = list(bound.stream(ASK))
            message = chunks[0]
            for chunk in chunks[1:]:
                message += chunk
        else:
            message = bound.invoke(ASK)
    assert [call["args"] for call in message.tool_calls] == [{"query": "退款"}, {"query": "预算"}]
    assert endpoint.requests[0].tools == ["look_up"]


def test_silence_ends_at_the_time_limit() -> None:
    with ScriptedEndpoint(in_turn(Reply("zu spät", wait=3.0))) as endpoint:
        started = time.monotonic()
        with pytest.raises(APITimeoutError):
            model(endpoint, timeout=0.3).invoke(ASK)
    assert time.monotonic() - started < 6
    assert len(endpoint.requests) == 1


def test_an_error_is_not_tried_again_here() -> None:
    """Retries are the agent's business: two places multiply them."""
    with ScriptedEndpoint(in_turn(Reply(status=500))) as endpoint:
        with pytest.raises(InternalServerError):
            model(endpoint).invoke(ASK)
    assert len(endpoint.requests) == 1


def test_nobody_there_is_a_connection_error() -> None:
    with ScriptedEndpoint(in_turn(Reply(""))) as endpoint:
        made = model(endpoint)
    with pytest.raises(APIConnectionError):
        made.invoke(ASK)


@pytest.mark.parametrize(
    "name", ["nobody:x", "no provider at all", "deepseek:x", "anthropic:x", "", " "]
)
def test_a_provider_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match="model") as caught:
        configured(name, base_url="", api_key="", timeout=1.0)
    assert repr(name) in caught.value.detail
    assert caught.value.remedy


def test_a_missing_key_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="COPILOT_MODEL_API_KEY"):
        configured("openai:gpt-5", base_url="", api_key="", timeout=1.0)


# The scripted endpoint itself, since others build on it ------------------------------------------


def test_the_script_sees_the_request_and_its_tools() -> None:
    def script(request: Request) -> Reply:
        return Reply(f"{request.texts('user')[-1]} {request.tools}")

    with ScriptedEndpoint(script) as endpoint:
        assert model(endpoint).bind_tools([look_up]).invoke(ASK).text == "怎么活跃？ ['look_up']"


def test_replies_come_in_turn_and_the_last_stays() -> None:
    with ScriptedEndpoint(in_turn(Reply("一"), Reply("二"))) as endpoint:
        made = model(endpoint)
        assert [made.invoke(ASK).text for _ in range(3)] == ["一", "二", "二"]


def test_a_cut_stream_breaks_off_with_an_error() -> None:
    with ScriptedEndpoint(in_turn(Reply("一二三四五六七八九十" * 3, cut=3))) as endpoint:
        pieces: list[str] = []
        stream = model(endpoint).stream(ASK)
        with pytest.raises(APIConnectionError):
            pieces.extend(chunk.text for chunk in stream)
    assert "".join(pieces) == "一二三四五六七八九十一二三四"
