"""The limit on request bodies, counted while they arrive."""

from __future__ import annotations

import json
import time

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from copilot.server.failures import TOO_LARGE, shape

# After a refusal the rest of the body is taken and dropped for a while: a connection that is closed
# with bytes unread is reset, and the client never sees why.
_LINGER_SECONDS = 2.0


class BodyLimit:
    """Refuses request bodies over a size, whatever their length is declared to be."""

    def __init__(self, app: ASGIApp, limit: int, language: str) -> None:
        """Args:
        limit: bytes.
        """
        self._app = app
        self._limit = limit
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body of an HTTP request; stop at the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            await self._refuse(receive, send)
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
                await self._refuse(receive, send)

    async def _refuse(self, receive: Receive, send: Send) -> None:
        told = shape(TOO_LARGE, self._language, f"more than {self._limit // 1024} KiB")
        body = json.dumps(told, ensure_ascii=False).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": TOO_LARGE.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        with anyio.move_on_after(_LINGER_SECONDS):
            started = time.monotonic()
            while time.monotonic() - started < _LINGER_SECONDS:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    break
        await send({"type": "http.response.body", "body": b""})


class _TooLarge(Exception):
    pass
