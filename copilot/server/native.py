"""The native API: one question, one answer object; health and readiness."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from copilot.agent.graph import Delta, ToolUse
from copilot.app import LONGEST_QUESTION, Asked, Copilot, Replied
from copilot.errors import Forbidden
from copilot.jobs.answer import as_object
from copilot.language import strings
from copilot.playbook.evidence import Audience
from copilot.server.admission import Admission
from copilot.server.auth import AUDIENCES, STAFF, Auth
from copilot.server.openai import data

log = logging.getLogger(__name__)


class AskRequest(BaseModel):
    """A question to the playbook."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"q": "怎么让群里的人多说话？", "as": "operator"}]},
    )

    q: str = Field(description="The question.", min_length=1, max_length=LONGEST_QUESTION)
    reader: Audience | None = Field(
        default=None, alias="as", description="Who is answered; the key's role limits it."
    )
    thread: str | None = Field(
        default=None,
        max_length=200,
        description="Conversation to go on with; kept per key, across restarts.",
    )
    stream: bool = Field(default=False, description="Answer as server-sent events.")


class RateRequest(BaseModel):
    """What somebody thought of an answer."""

    model_config = ConfigDict(extra="forbid")

    rating: Literal["like", "dislike"] | None = Field(description="`null` takes a rating back.")
    comment: str = Field(default="", max_length=2000)


def router(copilot: Copilot, auth: Auth, admission: Admission) -> APIRouter:
    """The native routes."""
    routes = APIRouter()

    @routes.post("/api/ask", summary="Answer a question with citations")
    def ask(body: AskRequest, request: Request) -> Response:
        person = auth.program(request)
        if body.reader is not None and body.reader not in AUDIENCES[person.role]:
            raise Forbidden(
                f"a {person.role} key may not be answered as {body.reader!r}.",
                remedy=f"Use one of {', '.join(AUDIENCES[person.role])}, or leave `as` out.",
            )
        thread = json.dumps(["api", person.id, body.thread]) if body.thread else None
        asked = Asked(body.q, person.caller(body.reader), "api", thread)
        if body.stream:
            return StreamingResponse(
                _events(copilot, admission, asked),
                media_type="text/event-stream",
                headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
            )
        with admission.place():
            replied = copilot.ask(asked)
        return JSONResponse(reply(replied))

    @routes.post("/api/answers/{id_}/rating", summary="Rate an answer")
    def rate(id_: str, body: RateRequest, request: Request) -> dict[str, str]:
        auth.program(request)
        copilot.journal.rate(id_, body.rating, body.comment)
        return {"result": "success"}

    @routes.get("/api/gaps", summary="Questions that found no evidence")
    def gaps(request: Request, limit: int = 50) -> list[dict[str, Any]]:
        if auth.program(request).role not in STAFF:
            raise Forbidden()
        return [
            {
                "id": gap.id,
                "question": gap.question,
                "audience": gap.audience,
                "times": gap.times,
                "last": gap.last.isoformat(),
            }
            for gap in copilot.gaps.list(min(limit, 500))
        ]

    @routes.get("/healthz", summary="Whether the process answers")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="Whether questions can be answered")
    def readyz() -> Response:
        health = copilot.health()
        ready = health.passages > 0 and health.words == health.passages
        told = {"status": "ready" if ready else "not ready", "vectors": health.vectors}
        return JSONResponse(told, status_code=200 if ready else 503)

    return routes


def reply(replied: Replied) -> dict[str, object]:
    """An answer with the id it can be rated by."""
    return as_object(replied.answer) | {"id": replied.id}


def _events(copilot: Copilot, admission: Admission, asked: Asked) -> Iterator[str]:
    """`{"tool": …}`, `{"delta": …}` and at last `{"answer": …}` events."""
    with admission.place():
        try:
            for event in copilot.stream(asked):
                if isinstance(event, ToolUse):
                    yield data({"tool": event.name, "args": event.args})
                elif isinstance(event, Delta):
                    yield data({"delta": event.text})
                elif isinstance(event, Replied):
                    yield data({"answer": reply(event)})
        except Exception:
            log.exception("a stream broke off")
            yield data({"error": strings.text("server.internal", copilot.settings.language)})
