"""The OpenAI dialect: chat completions and models, as bots really speak it."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel, ConfigDict, Field

from copilot.agent.graph import Delta
from copilot.app import Asked, Copilot, Replied
from copilot.errors import BadInput
from copilot.jobs.answer import Answer, as_object
from copilot.language import strings, tokens
from copilot.playbook.evidence import Audience
from copilot.server.admission import Admission
from copilot.server.auth import AUDIENCES, Auth, Person

log = logging.getLogger(__name__)

# One model per persona; the key's role decides what it may reach.
MODELS: dict[str, Audience] = {
    "community-qa": "member",
    "community-ops": "operator",
    "community-trainer": "trainee",
}

# What is advertised as `context_length`, in tokens.
_CONTEXT = 32_768

# Turns of the request's own history that are looked at.
_TURNS = 12


class ChatRequest(BaseModel):
    """A chat completion request; everything not named here is accepted and ignored."""

    model_config = ConfigDict(extra="allow")

    messages: list[dict[str, Any]] = Field(min_length=1)
    model: str = ""
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None
    user: Any = None
    metadata: Any = None


def router(copilot: Copilot, auth: Auth, admission: Admission) -> APIRouter:
    """The dialect's routes, to be mounted with and without ``/v1``."""
    routes = APIRouter()

    @routes.get("/models")
    def models(request: Request) -> dict[str, Any]:
        person = auth.program(request)
        names = [name for name, audience in MODELS.items() if audience in AUDIENCES[person.role]]
        return {"object": "list", "data": [_model(name) for name in names]}

    @routes.post("/chat/completions")
    def completions(body: ChatRequest, request: Request) -> Response:
        person = auth.program(request)
        question, history = conversation(body.messages)
        asked = Asked(
            question,
            person.caller(MODELS.get(body.model)),
            "openai",
            None if history else _thread(body, request, person),
        )
        head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": body.model or "community-qa",
        }
        prompt = sum(tokens.count(text_of(message)) for message in body.messages)
        if body.stream:
            usage = bool((body.stream_options or {}).get("include_usage"))
            events = _events(copilot, admission, asked, history, head, prompt, usage)
            # The first event is made here, so that what fails at once fails with its status.
            first = next(events)
            return StreamingResponse(
                _joined(first, events),
                media_type="text/event-stream",
                headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
            )
        with admission.place():
            replied = copilot.ask(asked, history)
        return JSONResponse(_completion(head, replied, prompt), headers=_headers(replied.answer))

    return routes


def _model(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "copilot",
        "context_length": _CONTEXT,
    }


def text_of(message: dict[str, Any]) -> str:
    """The text of a message whose content is a string, a list of parts, or null."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text", "") if isinstance(part, dict) else part for part in content]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def conversation(messages: list[dict[str, Any]]) -> tuple[str, list[BaseMessage]]:
    """The last user message, and what user and assistant said before it.

    System and tool messages are data of the caller, never a permission: they are left out.

    Raises:
        BadInput: there is no user message with text.
    """
    said = [(str(each.get("role")), text_of(each)) for each in messages]
    last = max((i for i, (role, text) in enumerate(said) if role == "user" and text), default=-1)
    if last < 0:
        raise BadInput("no user message with text.", remedy="Send one in `messages`.")
    history: list[BaseMessage] = [
        HumanMessage(text) if role == "user" else AIMessage(text)
        for role, text in said[:last]
        if text and role in ("user", "assistant")
    ]
    return said[last][1], history[-2 * _TURNS :]


def _thread(body: ChatRequest, request: Request, person: Person) -> str | None:
    """The caller's own conversation, where one is named; keys never share conversations."""
    metadata = body.metadata if isinstance(body.metadata, dict) else {}
    extra = body.model_extra or {}
    conversation_id = (
        request.headers.get("x-conversation-id")
        or metadata.get("conversation_id")
        or extra.get("chatId")
    )
    if not conversation_id:
        return None
    user = metadata.get("user_id") or body.user or extra.get("customUid") or ""
    return json.dumps(["openai", person.id, str(user), str(conversation_id)])


def _usage(prompt: int, text: str) -> dict[str, int]:
    """Token counts; never 0 for a text, which some bots take for an error."""
    completion = max(1, tokens.count(text))
    return {
        "prompt_tokens": max(1, prompt),
        "completion_tokens": completion,
        "total_tokens": max(1, prompt) + completion,
    }


def _headers(answer: Answer) -> dict[str, str]:
    return {"X-Copilot-Degraded": "1"} if answer.degraded else {}


def _completion(head: dict[str, Any], replied: Replied, prompt: int) -> dict[str, Any]:
    answer = replied.answer
    return {
        **head,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text},
                "finish_reason": "stop",
            }
        ],
        "usage": _usage(prompt, answer.text),
        "citations": as_object(answer)["citations"],
        "refused": answer.refused,
        "handoff": answer.handoff,
    }


def _events(
    copilot: Copilot,
    admission: Admission,
    asked: Asked,
    history: list[BaseMessage],
    head: dict[str, Any],
    prompt: int,
    usage: bool,
) -> Iterator[str]:
    """The stream: LF only, data lines only, no null delta, increments that add up to the text."""

    def chunk(choices: list[dict[str, Any]], **extra: Any) -> str:
        return data({**head, "object": "chat.completion.chunk", "choices": choices, **extra})

    def delta(content: dict[str, Any], finish: str | None = None, **extra: Any) -> str:
        return chunk([{"index": 0, "delta": content, "finish_reason": finish}], **extra)

    text = ""
    extra: dict[str, Any] = {}
    with admission.place():
        yield delta({"role": "assistant", "content": ""})
        try:
            for event in copilot.stream(asked, history):
                if isinstance(event, Delta) and event.text:
                    text += event.text
                    yield delta({"content": event.text})
                elif isinstance(event, Replied):
                    extra = {"citations": as_object(event.answer)["citations"]}
        except Exception:
            # The stream is open: an error event would be shown raw or swallowed by bots.
            log.exception("a stream broke off")
            sorry = strings.text("server.internal", copilot.settings.language)
            text += sorry
            yield delta({"content": sorry})
    yield delta({}, "stop", **extra)
    if usage:
        yield chunk([], usage=_usage(prompt, text))
    yield "data: [DONE]\n\n"


def data(thing: dict[str, Any]) -> str:
    """One event of a stream."""
    return f"data: {json.dumps(thing, ensure_ascii=False)}\n\n"


def _joined(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
