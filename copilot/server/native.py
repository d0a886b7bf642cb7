"""The native API: one question, one answer object; ratings, gaps, health."""

# No `from __future__ import annotations` here: FastAPI evaluates the routes' annotations, and some
# of the names in them are local to the function that makes the routes.

import logging
from collections.abc import Generator
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Response
from fastapi.responses import JSONResponse

from copilot.agent.graph import Delta, ToolUse
from copilot.app import Asked, Copilot, Replied
from copilot.errors import Forbidden
from copilot.jobs.answer import as_object
from copilot.server.admission import Admission, Place
from copilot.server.apology import DEGRADED, apologise, apology
from copilot.server.auth import AUDIENCES, BEARER, STAFF, Auth, Person
from copilot.server.events import EventStream, data
from copilot.server.native_models import EXAMPLES, AskReply, AskRequest, Gap, Rated, RateRequest

log = logging.getLogger(__name__)


def router(copilot: Copilot, auth: Auth, admission: Admission) -> APIRouter:
    """The native routes."""
    routes = APIRouter(dependencies=[Depends(BEARER)])
    Program = Annotated[Person, Depends(auth.program)]

    @routes.post(
        "/api/ask",
        summary="Answer a question with citations",
        description="With `stream` the answer comes as server-sent events: `{tool, args}` for each"
        " search, `{delta}` for each further piece of text, at last `{answer}`.",
        response_model=AskReply,
    )
    def ask(
        person: Program, body: Annotated[AskRequest, Body(openapi_examples=EXAMPLES)]
    ) -> Response:
        if body.reader is not None and body.reader not in AUDIENCES[person.role]:
            raise Forbidden(
                f"a {person.role} key may not be answered as {body.reader!r}.",
                remedy=f"Use one of {', '.join(AUDIENCES[person.role])}, or leave `as` out.",
            )
        thread = person.thread("api", body.thread) if body.thread else None
        asked = Asked(body.q, person.caller(body.reader), "api", thread)
        place = admission.enter()
        if body.stream:
            return EventStream(_events(copilot, place, asked), place)
        with place:
            bot = person.role == "bot"
            replied = apologise(copilot, asked) if bot else copilot.ask(asked)
        headers = DEGRADED if replied.answer.degraded else None
        return JSONResponse(reply(replied), headers=headers)

    @routes.post("/api/answers/{id_}/rating", summary="Rate an answer")
    def rate(id_: str, person: Program, body: RateRequest) -> Rated:
        del person
        copilot.journal.rate(id_, body.rating, body.comment)
        return Rated(result="success")

    @routes.get("/api/gaps", summary="Questions that found no evidence, most frequent first")
    def gaps(person: Program, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[Gap]:
        if person.role not in STAFF:
            raise Forbidden()
        return [
            Gap(
                id=gap.id,
                question=gap.question,
                audience=gap.audience,
                times=gap.times,
                last=gap.last,
            )
            for gap in copilot.gaps.list(limit)
        ]

    return routes


def health(copilot: Copilot) -> APIRouter:
    """What a watchdog asks; open to everybody, and says no more than yes or no."""
    routes = APIRouter()

    @routes.head("/healthz", include_in_schema=False)
    @routes.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="Whether questions can be answered; 503 if not, with the reason")
    def readyz() -> Response:
        found = copilot.health()
        behind = found.words != found.passages
        reason = "no passages" if not found.passages else "indexing" if behind else ""
        told: dict[str, Any] = {"status": "not ready" if reason else "ready", "reason": reason}
        return JSONResponse(told | {"vectors": found.vectors}, status_code=503 if reason else 200)

    return routes


def reply(replied: Replied) -> dict[str, object]:
    """An answer with the id it can be rated by."""
    return as_object(replied.answer) | {"id": replied.id}


def _events(copilot: Copilot, place: Place, asked: Asked) -> Generator[str, None, None]:
    """What happens, as it happens; at last the whole answer, an apology after a failure."""
    with place:
        try:
            for event in copilot.stream(asked):
                if isinstance(event, ToolUse):
                    yield data({"tool": event.name, "args": event.args})
                elif isinstance(event, Delta) and event.text:
                    yield data({"delta": event.text})
                elif isinstance(event, Replied):
                    yield data({"answer": reply(event)})
        except Exception:
            log.exception("a stream broke off")
            yield data({"answer": reply(apology(copilot, asked.question, "server.internal"))})
