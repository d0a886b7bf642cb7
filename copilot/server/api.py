"""The ASGI application: routes, limits, errors in shape. The console is mounted by `run`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata

import anyio.to_thread
from fastapi import FastAPI

from copilot.app import Copilot
from copilot.server import docs, failures, login, native, openai
from copilot.server.admission import Admission
from copilot.server.auth import Auth
from copilot.server.body_limit import BodyLimit

# Threads beside those that answer or wait to: key checks, ratings, readiness, the login page.
_SPARE_THREADS = 16


def create(copilot: Copilot, auth: Auth) -> FastAPI:
    """Make the application around an open copilot."""
    settings = copilot.settings
    admission = Admission(settings.workers, settings.queue)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # AnyIO's pool has 40 threads; whoever waits for a place holds one.
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = settings.workers + settings.queue + _SPARE_THREADS
        yield

    app = FastAPI(
        title="Community copilot",
        summary="Answers from the playbook, with citations; a person where there is no evidence.",
        version=metadata.version("copilot"),
        lifespan=lifespan,
        # FastAPI's own pages load their scripts from another host.
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, limit=settings.max_body_kb * 1024, language=settings.language)
    dialect = openai.router(copilot, auth, admission)
    app.include_router(dialect, prefix="/v1", tags=["OpenAI dialect"])
    app.include_router(dialect, include_in_schema=False)
    app.include_router(native.router(copilot, auth, admission), tags=["Native"])
    app.include_router(native.health(copilot), tags=["Health"])
    app.include_router(login.router(auth, settings.language), include_in_schema=False)
    app.include_router(docs.router(app), include_in_schema=False)
    failures.handle(app, settings.language)
    return app
