"""The ASGI application: routes, errors in each dialect's shape, limits, the console."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from copilot.app import Copilot
from copilot.errors import BadInput, CopilotError, Forbidden, ModelError, NotFound, Unauthorized
from copilot.language import strings
from copilot.server import login, native, openai
from copilot.server.admission import RETRY_AFTER, Admission, BodyLimit, Busy
from copilot.server.auth import Auth

log = logging.getLogger(__name__)

_STATUS: dict[type[CopilotError], tuple[int, str, str]] = {
    BadInput: (400, "invalid_request_error", "invalid_param"),
    Unauthorized: (401, "authentication_error", "unauthorized"),
    Forbidden: (403, "permission_error", "forbidden"),
    NotFound: (404, "not_found_error", "not_found"),
    ModelError: (502, "api_error", "model_unavailable"),
}


def create(copilot: Copilot, auth: Auth) -> FastAPI:
    """Make the application around an open copilot. The console is mounted by `run.serve`."""
    settings = copilot.settings
    admission = Admission(settings.workers, settings.queue)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # AnyIO's pool has 40 threads; whoever waits for a place holds one.
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = settings.workers + settings.queue + 16
        yield

    app = FastAPI(
        title="Community copilot",
        summary="Answers from the playbook, with citations; a person where there is no evidence.",
        lifespan=lifespan,
    )
    app.add_middleware(BodyLimit, limit=settings.max_body_kb * 1024)
    dialect = openai.router(copilot, auth, admission)
    app.include_router(dialect, prefix="/v1", tags=["OpenAI dialect"])
    app.include_router(dialect, include_in_schema=False)
    app.include_router(native.router(copilot, auth, admission), tags=["native"])
    app.include_router(login.router(copilot, auth), include_in_schema=False)
    _handle_errors(app, settings.language)
    return app


def _handle_errors(app: FastAPI, language: str) -> None:
    """Every error leaves as ``{"error": {message, type, param, code}}``, never as FastAPI's own."""

    @app.exception_handler(CopilotError)
    def expected(request: Request, error: CopilotError) -> Response:
        del request
        status, kind, code = next(
            (value for each, value in _STATUS.items() if isinstance(error, each)),
            (500, "api_error", "internal_error"),
        )
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        return JSONResponse(shape(str(error), kind, code), status_code=status, headers=headers)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        del request
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "body"
        message = f"{name}: {first['msg']}"
        return JSONResponse(
            shape(message, "invalid_request_error", "invalid_param", name), status_code=400
        )

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        del request
        return JSONResponse(
            shape(str(error.detail), "invalid_request_error", str(error.status_code)),
            status_code=error.status_code,
            headers=error.headers,
        )

    @app.exception_handler(Busy)
    def busy(request: Request, error: Busy) -> Response:
        del request, error
        return JSONResponse(
            shape(strings.text("server.busy", language), "rate_limit_error", "too_many_requests"),
            status_code=429,
            headers={"Retry-After": str(RETRY_AFTER)},
        )

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return JSONResponse(
            shape(strings.text("server.internal", language), "api_error", "internal_error"),
            status_code=500,
        )


def shape(message: str, kind: str, code: str, param: str | None = None) -> dict[str, object]:
    """An error as the OpenAI dialect writes it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
