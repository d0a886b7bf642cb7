"""The console's door: nobody gets past it who is not signed in, to nothing behind it."""

from __future__ import annotations

import asyncio

from fastapi import Request
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from copilot.server.auth import Auth
from copilot.server.failures import UNAUTHORIZED, shape
from copilot.server.login import CONSOLE, LOGIN

# A page may load from, and talk to, this server alone, and stand in no other page's frame. Gradio
# needs inline scripts and styles, and compiles its HTML templates in the page.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval';"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:;"
    " media-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self';"
    " frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_PAGES = (LOGIN, "/docs")


class Door:
    """Stands before the whole application.

    Gradio guards its handlers by the login too, but some of its routes not at all.
    """

    def __init__(self, app: ASGIApp, auth: Auth, language: str) -> None:
        self._app = app
        self._auth = auth
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let requests for the console pass when somebody is signed in."""
        path = str(scope.get("path", ""))
        inside = path == CONSOLE or path.startswith(f"{CONSOLE}/")
        if scope["type"] != "http" or not (inside or path in _PAGES):
            await self._app(scope, receive, send)
            return

        open_ = False

        async def with_headers(message: Message) -> None:
            nonlocal open_
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            open_ = bool(message["type"] == "http.response.start" or message.get("more_body"))
            await send(message)

        if inside and self._auth.person(Request(scope)) is None:
            if path.rstrip("/") == CONSOLE:
                response: ASGIApp = RedirectResponse(LOGIN, status_code=303)
            else:
                response = JSONResponse(shape(UNAUTHORIZED, self._language), status_code=401)
            await response(scope, receive, with_headers)
            return
        try:
            await self._app(scope, receive, with_headers)
        except asyncio.CancelledError:
            # The server ends: an open page holds a connection that never ends by itself.
            if open_:
                await send({"type": "http.response.body", "body": b""})
