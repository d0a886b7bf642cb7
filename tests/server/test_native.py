"""The native API, its health routes and its description."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from copilot.app import Copilot
from copilot.server import docs
from copilot.server.native_models import EXAMPLES, AskReply, AskRequest
from tests.conftest import SECRET
from tests.server.serving import ASK, FOUND, Served, held_in, served, thread_of


def test_an_answer_has_the_documented_keys(server: Served) -> None:
    reply = server.post("/api/ask", {"q": ASK}, "bot")
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == set(AskReply.model_fields)
    told = AskReply.model_validate(body)
    assert told.q == ASK
    assert FOUND in told.text
    assert [each.n for each in told.citations] == list(range(1, len(told.citations) + 1))
    assert not told.refused
    assert 0 < told.confidence <= 1


def test_the_audience_is_the_keys_unless_it_asks_for_less(server: Served) -> None:
    asked = {"q": "退款由谁审批，内部口令是什么？"}
    assert SECRET in server.post("/api/ask", asked, "operator").json()["text"]
    for role in ("operator", "trainer", "bot"):
        as_member = server.post("/api/ask", asked | {"as": "member"}, role)
        assert as_member.status_code == 200
        assert SECRET not in as_member.text


def test_a_stream_tells_what_happens_and_ends_with_the_answer(server: Served) -> None:
    reply = server.post("/api/ask", {"q": ASK, "stream": True}, "bot")
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert "\r" not in reply.text
    events: list[dict[str, Any]] = [
        json.loads(each.removeprefix("data: ")) for each in reply.text.strip().split("\n\n")
    ]
    assert events[0]["tool"] == "search_playbook"
    assert set(events[-1]) == {"answer"}
    said = "".join(each.get("delta", "") for each in events)
    assert said.strip() == events[-1]["answer"]["text"]
    AskReply.model_validate(events[-1]["answer"])


def test_a_thread_goes_on_for_its_key_alone(server: Served) -> None:
    first, leans = "读书会的预算是多少？", "那场地呢？"
    server.post("/api/ask", {"q": first, "thread": "t"}, "bot")

    def held(role: str) -> str:
        reply = server.post("/api/ask", {"q": leans, "thread": "t"}, role).json()
        return held_in(server, thread_of(server, reply["id"]))

    assert first in held("bot")
    assert first not in held("operator")


def test_an_answer_can_be_rated(server: Served) -> None:
    answer = server.post("/api/ask", {"q": ASK}, "bot").json()["id"]
    path = f"/api/answers/{answer}/rating"

    def kept() -> str | None:
        return next(row[-1] for row in server.copilot.journal.latest(200) if row[0] == answer)

    for rating in ("like", "dislike", None):
        assert server.post(path, {"rating": rating, "comment": "好"}, "bot").status_code == 200
        assert kept() == rating
    assert server.post(path, {"rating": "love"}, "bot").status_code == 400
    assert server.post("/api/answers/none/rating", {"rating": "like"}, "bot").status_code == 404


def test_refused_questions_become_gaps_for_staff(server: Served) -> None:
    text = "火星上的房租一个月是多少钱"
    assert server.post("/api/ask", {"q": text}, "bot").json()["refused"]
    with server.client("trainer") as client:
        gaps = client.get("/api/gaps", params={"limit": 500}).json()
        assert text in [each["question"] for each in gaps]
        assert len(client.get("/api/gaps", params={"limit": 1}).json()) == 1


def test_health_needs_no_key_and_says_little(server: Served) -> None:
    with server.client() as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() == {"status": "ready", "reason": "", "vectors": "ok"}


def test_a_server_without_passages_is_not_ready(open_copilot: Callable[..., Copilot]) -> None:
    with served(open_copilot()) as running, running.client() as client:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["reason"] == "no passages"
        assert client.get("/healthz").status_code == 200


# The description ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_work(server: Served, name: str) -> None:
    example = EXAMPLES[name]["value"]
    AskRequest.model_validate(example)
    assert server.post("/api/ask", example, "operator").status_code == 200


def test_the_description_holds_examples_and_both_shapes(server: Served) -> None:
    with server.client() as client:
        described = client.get("/openapi.json").json()
    ask = described["paths"]["/api/ask"]["post"]
    content = ask["requestBody"]["content"]["application/json"]
    assert set(content["examples"]) == set(EXAMPLES)
    assert ask["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    chat = described["paths"]["/v1/chat/completions"]["post"]
    assert chat["requestBody"]["content"]["application/json"]["example"]["messages"]
    assert "/chat/completions" not in described["paths"], "described once"
    assert "/login" not in described["paths"]


def test_the_page_of_the_description_loads_nothing_from_outside(server: Served) -> None:
    with server.client() as client:
        page = client.get("/docs").text
    assert f"curl {server.url}/v1/chat/completions" in page
    assert "POST /api/ask" in page
    assert not re.search(r'(?:src|href)="(?!/)', page)


def test_the_page_shows_text_as_text() -> None:
    told = {
        "info": {"title": "<b>", "version": "1"},
        "paths": {"/<i>": {"get": {"summary": "<script>"}}},
    }
    page = docs.page(told, "http://x")
    assert "<script>" not in page
    assert "<i>" not in page
    assert "&lt;script&gt;" in page
