"""Serving: opens the house, mounts the console, listens."""

from __future__ import annotations

import logging
import time
from ipaddress import ip_address
from typing import cast

import uvicorn
from fastapi import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from copilot.agent.tools import Caller
from copilot.app import Copilot
from copilot.console import page
from copilot.desk.keys import Role
from copilot.errors import SettingsError
from copilot.server import api
from copilot.server.auth import Auth, Person
from copilot.server.login import CONSOLE
from copilot.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until interrupted.

    Raises:
        SettingsError: no key exists and the address is not this machine's own.
        HomeLocked: another process holds the home.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    url = f"http://{settings.host}:{settings.port}"
    with Copilot(settings, doing=f"copilot serve at {url}") as copilot:
        if not copilot.keys.any() and not is_loopback(settings.host):
            raise SettingsError(
                f"without a key the server listens on this machine only, not on {settings.host!r}.",
                remedy="Make a key first: copilot keys create --role operator.",
            )
        auth = Auth(copilot.keys, time.monotonic)
        app = application(copilot, auth)
        copilot.watch()
        _greet(copilot, auth, url)
        uvicorn.run(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=10,
            ws="websockets-sansio",
        )


def application(copilot: Copilot, auth: Auth) -> ASGIApp:
    """The API with the console mounted behind its login."""
    app = api.create(copilot, auth)

    def user(request: Request) -> str | None:
        person = auth.person(request)
        return f"{person.role}:{person.id}" if person else None

    def caller(name: str) -> Caller:
        role, _, key = name.partition(":")
        return Person(key, cast(Role, role)).caller()

    mounted = page.mount(app, copilot, path=CONSOLE, user=user, caller=caller)
    return _Door(mounted, auth)


class _Door:
    """Sends people who are not signed in from the console's page to the login page."""

    def __init__(self, app: ASGIApp, auth: Auth) -> None:
        self._app = app
        self._auth = auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/") == CONSOLE:
            request = Request(scope)
            if self._auth.person(request) is None:
                await RedirectResponse("/login", status_code=303)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _greet(copilot: Copilot, auth: Auth, url: str) -> None:
    health = copilot.health()
    print(f"Console  {url}{CONSOLE}")
    print(f"API      {url}/v1  (OpenAI dialect)   {url}/docs")
    print(f"Playbook {health.passages} passages indexed")
    if auth.password:
        print(f"One-time operator password: {auth.password}", flush=True)
        print("No key exists: only this machine is served. copilot keys create makes one.")
    print("", end="", flush=True)
