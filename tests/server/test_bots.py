"""The bots' own rules for reading a reply, as bots.md records them, applied to the real thing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.serving import ASK, FOUND, Served, question, unchunked

PATH = "/v1/chat/completions"
QUESTIONS = (ASK, "谢谢", "你好", "转人工", "火星上的房租是多少钱一个月", "<b>读书会</b>的预算？")


def cow(body: dict[str, Any]) -> str:
    """chatgpt-on-wechat (CoW), `bot_type custom`: a missing key is a crash, no tokens an error."""
    usage = body["usage"]
    result = {
        "total_tokens": usage["total_tokens"],
        "completion_tokens": usage["completion_tokens"],
        "content": body["choices"][0]["message"]["content"],
    }
    if result["completion_tokens"] == 0 and len(result["content"]) > 0:
        raise AssertionError("CoW takes this for an error")
    return str(result["content"])


def cow_stream(body: bytes) -> str:
    """CoW's stream: each delta is asked for its content."""
    said = ""
    for line in body.decode().split("\n"):
        if not line.startswith("data: "):
            continue
        if line == "data: [DONE]":
            return said
        choices = json.loads(line.removeprefix("data: ")).get("choices") or []
        if choices:
            said += choices[0]["delta"].get("content") or ""
    raise AssertionError("CoW waits for [DONE]")


def astrbot(body: dict[str, Any]) -> str:
    """AstrBot, OpenAI Compatible: raises when nothing is said or a filter stepped in."""
    if not body.get("choices"):
        raise AssertionError("AstrBot: no choices")
    choice = body["choices"][0]
    if choice["finish_reason"] == "content_filter":
        raise AssertionError("AstrBot: filtered")
    text = (choice["message"]["content"] or "").strip()
    if not text:
        raise AssertionError("AstrBot: empty")
    return str(text)


def astrbot_stream(body: bytes) -> str:
    """AstrBot's events: split at LF LF, the data line must come first; anything else is lost."""
    said = ""
    for block in body.decode().split("\n\n"):
        if not block.startswith("data:"):
            continue
        payload = block[len("data:") :].strip()
        if payload == "[DONE]":
            break
        chunk = json.loads(payload)
        if chunk["choices"]:
            said += chunk["choices"][0]["delta"].get("content") or ""
    assert said.strip(), "AstrBot: empty"
    return said


def langbot_stream(body: bytes) -> str:
    """LangBot: a piece that begins with all that came before is taken for the whole text so far."""
    said = ""
    for block in body.decode().split("\n\n"):
        payload = block.removeprefix("data: ")
        if not payload or payload == "[DONE]":
            continue
        for choice in json.loads(payload)["choices"]:
            piece = choice["delta"].get("content") or ""
            said = piece if said and piece.startswith(said) else said + piece
    return said


@pytest.mark.parametrize("text", QUESTIONS)
def test_every_bot_reads_every_kind_of_answer(server: Served, text: str) -> None:
    body = server.post(PATH, question(text), "bot").json()
    assert cow(body).strip()
    assert astrbot(body)
    streamed = unchunked(server.chat(question(text, stream=True), "bot"))
    assert cow_stream(streamed).strip() == cow(body).strip()
    assert astrbot_stream(streamed).strip() == astrbot(body)
    assert langbot_stream(streamed).strip() == astrbot(body)


def test_citations_reach_the_member_as_plain_lines(server: Served) -> None:
    said = cow(server.post(PATH, question(), "bot").json())
    assert FOUND in said
    assert said.splitlines()[-1].startswith("来源：[")


def test_the_rules_would_notice(server: Served) -> None:
    """Each rule fails on the reply that the table says it fails on."""
    good = server.post(PATH, question(), "bot").json()
    with pytest.raises(KeyError):
        cow({name: value for name, value in good.items() if name != "usage"})
    with pytest.raises(AssertionError, match="error"):
        cow(good | {"usage": {"total_tokens": 1, "completion_tokens": 0}})
    with pytest.raises(AssertionError, match="filtered"):
        astrbot({"choices": [{"finish_reason": "content_filter", "message": {"content": "x"}}]})
    with pytest.raises(AttributeError):
        cow_stream(b'data: {"choices": [{"delta": null}]}\n\ndata: [DONE]\n\n')
    with pytest.raises(AssertionError, match="empty"):
        astrbot_stream(b'data: {"choices": [{"delta": {"content": "x"}}]}\r\n\r\n'[6:])
