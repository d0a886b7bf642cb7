"""Admission: so many requests at once, so many waiting, the rest told when to come back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What a caller who is turned away is told to wait, seconds.
RETRY_AFTER = 2


class Busy(Exception):
    """All places are taken, the queue's too."""


class Admission:
    """Places for the work that answers questions; the pool of threads is sized from it."""

    def __init__(self, workers: int, queue: int) -> None:
        self._work = threading.Semaphore(workers)
        self._all = threading.Semaphore(workers + queue)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while working.

        Raises:
            Busy: as many are waiting as may wait.
        """
        if not self._all.acquire(blocking=False):
            raise Busy
        try:
            with self._work:
                yield
        finally:
            self._all.release()


class BodyLimit:
    """Refuses request bodies over a size, counted as they arrive."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body of an HTTP request; stop at the limit."""
        if scope["type"] != "http" or scope["path"].startswith("/console"):
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            await _refuse(send, self._limit)
            return
        taken = 0
        started = False

        async def count() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise _TooLarge
            return message

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, count, note)
        except _TooLarge:
            if not started:
                await _refuse(send, self._limit)


class _TooLarge(Exception):
    pass


async def _refuse(send: Send, limit: int) -> None:
    message = f"The request body is larger than {limit // 1024} KiB."
    body = json.dumps(
        {
            "error": {
                "message": message,
                "type": "invalid_request_error",
                "param": None,
                "code": "request_too_large",
            }
        }
    ).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
