"""The OpenAI dialect: chat completions and models."""

# No `from __future__ import annotations` here: FastAPI evaluates the routes' annotations, and some
# of the names in them are local to the function that makes the routes.

import logging
import secrets
import time
from collections.abc import Generator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from copilot.agent.graph import Delta
from copilot.app import LONGEST_QUESTION, Asked, Copilot, Replied
from copilot.errors import BadInput, NotFound
from copilot.server import chat_reply
from copilot.server.admission import Admission, Place
from copilot.server.apology import DEGRADED, apologise, apology
from copilot.server.auth import AUDIENCES, BEARER, Auth, Person
from copilot.server.chat_reply import Head
from copilot.server.chat_request import (
    EXAMPLE,
    MODELS,
    ChatRequest,
    Turn,
    chat_request,
    model_name,
    prompt_tokens,
    thread,
    turn,
    wants_stream,
    wants_usage,
)
from copilot.server.events import EventStream, data

log = logging.getLogger(__name__)

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ChatRequest.model_json_schema(), "example": EXAMPLE}
        },
    }
}


def router(copilot: Copilot, auth: Auth, admission: Admission) -> APIRouter:
    """The dialect's routes, to be mounted with and without ``/v1``."""
    routes = APIRouter(dependencies=[Depends(BEARER)])
    Program = Annotated[Person, Depends(auth.program)]

    @routes.get("/models", summary="The models this key may name")
    def models(person: Program) -> dict[str, Any]:
        return {"object": "list", "data": [chat_reply.model(name) for name in _models(person)]}

    @routes.get("/models/{name}", summary="One model")
    def model(name: str, person: Program) -> dict[str, Any]:
        if name not in _models(person):
            raise NotFound(f"no model {name!r}.", remedy=f"Use {', '.join(_models(person))}.")
        return chat_reply.model(name)

    @routes.post("/chat/completions", summary="Answer the last user message", openapi_extra=_BODY)
    def completions(
        person: Program, body: Annotated[ChatRequest, Depends(chat_request)], request: Request
    ) -> Response:
        asks = turn(body.messages)
        head = Head(f"chatcmpl-{secrets.token_hex(12)}", int(time.time()), model_name(body))
        asked = Asked(
            asks.question,
            person.caller(MODELS.get(head.model)),
            "openai",
            thread(body, request, person, asks),
        )
        answering = _Answering(copilot, asked, asks, head, prompt_tokens(body))
        told, why = _unfit(asks.question)
        if told and person.role != "bot":
            raise BadInput(f"messages: {why}.", remedy="Send another question.")
        place = admission.enter()
        if wants_stream(body):
            return EventStream(answering.stream(place, told, usage=wants_usage(body)), place)
        return answering.whole(place, told, apologises=person.role == "bot")

    return routes


def _models(person: Person) -> list[str]:
    return [name for name, audience in MODELS.items() if audience in AUDIENCES[person.role]]


def _unfit(question: str) -> tuple[str, str]:
    """The catalogue's key and the English for why a message cannot be a question; empty if it can.

    A bot passes on whatever a member sends, a picture or a long paste too; the member is told.
    """
    if not question:
        return "answer.empty", "the question is empty"
    if len(question) > LONGEST_QUESTION:
        return "answer.too_long", f"the question has more than {LONGEST_QUESTION} characters"
    return "", ""


class _Answering:
    """One completion under way."""

    def __init__(self, copilot: Copilot, asked: Asked, asks: Turn, head: Head, prompt: int) -> None:
        self._copilot = copilot
        self._asked = asked
        self._history = asks.history
        self._head = head
        self._prompt = prompt

    def whole(self, place: Place, told: str, *, apologises: bool) -> Response:
        """The completion as one JSON object.

        Args:
            told: key of the text that is the answer already; empty for none.
            apologises: whether what fails unexpectedly is answered politely.
        """
        with place:
            if told:
                replied = apology(self._copilot, self._asked.question, told)
            elif apologises:
                replied = apologise(self._copilot, self._asked, self._history)
            else:
                replied = self._copilot.ask(self._asked, self._history)
        headers = DEGRADED if replied.answer.degraded else None
        content = chat_reply.completion(self._head, replied, self._prompt)
        return JSONResponse(content, headers=headers)

    def stream(self, place: Place, told: str, *, usage: bool) -> Generator[str, None, None]:
        """The completion as events; what fails now is an apology, as the stream is open."""
        yield data(chat_reply.delta(self._head, {"role": "assistant", "content": ""}))
        text = ""
        extra: dict[str, Any] = {}
        with place:
            for event in self._events(told):
                if isinstance(event, Replied):
                    extra = chat_reply.more(event)
                elif event.text:
                    text += event.text
                    yield data(chat_reply.delta(self._head, {"content": event.text}))
        yield data(chat_reply.delta(self._head, {}, "stop", **extra))
        if usage:
            yield data(chat_reply.usage_chunk(self._head, self._prompt, text))
        yield chat_reply.DONE

    def _events(self, told: str) -> Generator[Delta | Replied, None, None]:
        spoken = False
        if not told:
            try:
                for event in self._copilot.stream(self._asked, self._history):
                    if isinstance(event, Delta | Replied):
                        spoken = spoken or bool(isinstance(event, Delta) and event.text)
                        yield event
            except Exception:
                # An error event would be shown raw by one bot and swallowed by the next.
                log.exception("a stream broke off")
                told = "server.internal"
        if told:
            replied = apology(self._copilot, self._asked.question, told)
            yield Delta(("\n\n" if spoken else "") + replied.answer.text)
            yield replied
