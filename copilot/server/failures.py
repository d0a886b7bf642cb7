"""Failures as callers read them: every error leaves in the OpenAI dialect's shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from copilot.errors import BadInput, CopilotError, Forbidden, ModelError, NotFound, Unauthorized
from copilot.language import strings
from copilot.server.admission import RETRY_AFTER, Busy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told of a failure: the status, OpenAI's ``type`` and ``code``, the catalogue's text.

    Bots show the message to members as it comes, so it begins with a sentence anybody can read.
    """

    status: int
    kind: str
    code: str
    text: str


BAD_REQUEST = Failure(400, "invalid_request_error", "invalid_param", "server.bad_request")
UNAUTHORIZED = Failure(401, "authentication_error", "unauthorized", "server.unauthorized")
FORBIDDEN = Failure(403, "permission_error", "forbidden", "server.forbidden")
NOT_FOUND = Failure(404, "not_found_error", "not_found", "server.not_found")
WRONG_METHOD = Failure(405, "invalid_request_error", "method_not_allowed", "server.wrong_method")
TOO_LARGE = Failure(413, "invalid_request_error", "request_too_large", "server.too_large")
BUSY = Failure(429, "rate_limit_error", "too_many_requests", "server.busy")
INTERNAL = Failure(500, "api_error", "internal_error", "server.internal")
NO_MODEL = Failure(502, "api_error", "model_unavailable", "server.internal")

_OF_ERROR: dict[type[CopilotError], Failure] = {
    BadInput: BAD_REQUEST,
    Unauthorized: UNAUTHORIZED,
    Forbidden: FORBIDDEN,
    NotFound: NOT_FOUND,
    ModelError: NO_MODEL,
}
_OF_STATUS = {
    each.status: each
    for each in (BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, WRONG_METHOD, TOO_LARGE, INTERNAL)
}


def shape(
    failure: Failure, language: str, detail: str = "", param: str | None = None
) -> dict[str, object]:
    """A failure as the OpenAI dialect writes it.

    Args:
        detail: what was found and how to mend it, for whoever connects the program.
        param: the part of the request that is wrong.
    """
    message = strings.text(failure.text, language) + (f" ({detail})" if detail else "")
    return {
        "error": {"message": message, "type": failure.kind, "param": param, "code": failure.code}
    }


def handle(app: FastAPI, language: str) -> None:
    """Let every error of an application leave in shape, FastAPI's own included."""

    def told(
        failure: Failure,
        detail: str = "",
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        content = shape(failure, language, detail, param)
        return JSONResponse(content, status_code=failure.status, headers=headers)

    @app.exception_handler(CopilotError)
    async def expected(request: Request, error: CopilotError) -> Response:
        failure = next((f for kind, f in _OF_ERROR.items() if isinstance(error, kind)), INTERNAL)
        if failure.status >= 500:
            log.error("%s %s failed: %s", request.method, request.url.path, error)
            return told(failure)
        challenge = {"WWW-Authenticate": "Bearer"} if failure is UNAUTHORIZED else None
        return told(failure, str(error), headers=challenge)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        del request
        first = error.errors()[0]
        # The first part says where it stood (body, query, path); JSON errors add an offset.
        name = ".".join(str(part) for part in first["loc"][1:] if isinstance(part, str))
        return told(BAD_REQUEST, f"{name or 'body'}: {first['msg']}", name or None)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        status = error.status_code
        other = Failure(status, "invalid_request_error", str(status), "server.bad_request")
        failure = _OF_STATUS.get(status, other)
        detail = f"{request.method} {request.url.path}" if status in (404, 405) else error.detail
        return told(failure, detail, headers=error.headers)

    @app.exception_handler(Busy)
    async def busy(request: Request, error: Busy) -> Response:
        del request, error
        return told(BUSY, headers={"Retry-After": str(RETRY_AFTER)})

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        # Starlette raises it again after this answer, and uvicorn logs it with its trace.
        del request, error
        return told(INTERNAL)
