"""Odd requests: what bots really send is answered; what nobody can answer is refused in shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.serving import ASK, FOUND, Served, question

PATH = "/v1/chat/completions"


def is_in_shape(body: Any) -> bool:
    """Whether an error is as OpenAI's clients read it."""
    error = body.get("error")
    return (
        set(body) == {"error"}
        and set(error) == {"message", "type", "param", "code"}
        and all(
            isinstance(error[name], str) and error[name] for name in ("message", "type", "code")
        )
        and (error["param"] is None or isinstance(error["param"], str))
    )


ODD: dict[str, dict[str, Any]] = {
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": ASK}]}]},
    "parts with a picture": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "data:,"}},
                    {"type": "text", "text": ASK},
                    {"type": "text", "text": None},
                ],
            }
        ]
    },
    "parts that are strings": {"messages": [{"role": "user", "content": [ASK]}]},
    "null content before": {
        "messages": [
            {"role": "assistant", "content": None},
            {"role": "user", "content": None},
            {"role": "user", "content": ASK},
        ]
    },
    "tools": question(
        tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        parallel_tool_calls=True,
    ),
    "settings": question(temperature=0.7, top_p=1, max_tokens=5, n=1, stop=None, seed=1),
    "unknown fields": question(conversationId="x", enable_search=True, extra={"a": [1, None]}),
    "odd types": question(stream_options=[], metadata="x", user={"id": 1}, stream=None),
    "no model": {"messages": [{"role": "user", "content": ASK}]},
    "unknown model": question(model="gpt-4o-mini"),
    "model of another type": question(model={"name": "x"}),
    "a lone surrogate": question(model="m\ud800", user="u\udfff"),
    "developer role": {
        "messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": ASK}]
    },
    "a name and unknown keys in messages": {
        "messages": [{"role": "user", "content": ASK, "name": "张三", "weight": 1, "audio": None}]
    },
    "a long system prompt": {
        "messages": [
            {"role": "system", "content": "你是。" * 8000},
            {"role": "user", "content": ASK},
        ]
    },
    "a role that is no string": {
        "messages": [
            {"role": 3, "content": "x"},
            {"content": "y"},
            {"role": "user", "content": ASK},
        ]
    },
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("stream", [False, True])
def test_odd_requests_are_answered(server: Served, name: str, stream: bool) -> None:
    # Surrogates do not survive UTF-8, escapes do.
    content = json.dumps(ODD[name] | ({"stream": True} if stream else {}))
    with server.client("bot") as client:
        reply = client.post(PATH, content=content, headers={"Content-Type": "application/json"})
    assert reply.status_code == 200, reply.text
    if stream:
        assert reply.text.endswith("data: [DONE]\n\n")
    assert FOUND in reply.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_the_content_type_does_not_matter(server: Served, kind: str) -> None:
    with server.client("bot") as client:
        headers = {"Content-Type": kind} if kind else {}
        reply = client.post(PATH, content=json.dumps(question()).encode(), headers=headers)
    assert FOUND in reply.text


def test_a_huge_history_is_answered_from_its_end(server: Served) -> None:
    old = [
        {"role": role, "content": f"第{n}轮，随便聊聊天气。" * 20}
        for n in range(300)
        for role in ("user", "assistant")
    ]
    messages = [*old, {"role": "user", "content": ASK}]
    reply = server.post(PATH, {"messages": messages}, "bot")
    assert FOUND in reply.json()["choices"][0]["message"]["content"]
    assert reply.json()["usage"]["prompt_tokens"] > 10_000


@pytest.mark.parametrize("content", [None, "", "   ", [], [{"type": "image_url", "image_url": {}}]])
def test_a_member_who_sends_no_text_is_told_kindly(server: Served, content: Any) -> None:
    """A bot passes a picture on; an error would be shown to the member."""
    body = {"messages": [{"role": "user", "content": content}]}
    reply = server.post(PATH, body, "bot")
    assert reply.status_code == 200
    assert reply.json()["choices"][0]["message"]["content"] == "还没写问题，先写一句吧。"
    assert reply.json()["usage"]["completion_tokens"] >= 1
    streamed = server.post(PATH, body | {"stream": True}, "bot")
    assert "还没写问题" in streamed.text
    refused = server.post(PATH, body, "operator")
    assert refused.status_code == 400
    assert is_in_shape(refused.json())


def test_a_member_who_sends_a_novel_is_told_kindly(server: Served) -> None:
    body = question("很长。" * 3000)
    reply = server.post(PATH, body, "bot")
    assert "问题太长了" in reply.json()["choices"][0]["message"]["content"]
    assert server.post(PATH, body, "operator").status_code == 400


WRONG = [
    b"",
    b"{",
    b"not json",
    b"\xff\xfe",
    b"[]",
    b"null",
    b'"text"',
    b"{}",
    b'{"messages": null}',
    b'{"messages": "hello"}',
    b'{"messages": []}',
    b'{"messages": [1]}',
    b'{"messages": ["hello"]}',
    b'{"messages": [{"role": "system", "content": "x"}]}',
    b'{"messages": [{"role": "assistant", "content": "x"}]}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("content", WRONG)
def test_what_nobody_can_answer_is_refused_in_shape(server: Served, content: bytes) -> None:
    with server.client("bot") as client:
        reply = client.post(PATH, content=content, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert is_in_shape(reply.json())
    assert reply.json()["error"]["type"] == "invalid_request_error"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
message = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "assistant", "system", "tool"]) | anything,
        "content": st.text(max_size=30) | anything,
        "tool_calls": anything,
    },
)
request = st.fixed_dictionaries(
    {"messages": st.lists(message, max_size=4) | anything},
    optional={
        name: anything
        for name in ("model", "stream", "stream_options", "user", "metadata", "tools", "chatId")
    },
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=request)
def test_no_body_breaks_the_server(server: Served, body: dict[str, Any]) -> None:
    with server.client("bot") as client:
        reply = client.post(
            PATH, content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
    assert reply.status_code in (200, 400), reply.text
    if reply.status_code == 400:
        assert is_in_shape(reply.json())
    elif reply.headers["content-type"].startswith("text/event-stream"):
        assert reply.text.endswith("data: [DONE]\n\n")
    else:
        assert reply.json()["choices"][0]["message"]["content"].strip()
        assert "X-Copilot-Degraded" not in reply.headers
