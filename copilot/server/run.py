"""Serving: opens the house, mounts the console, listens, and ends in good order."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import cast

import uvicorn
from fastapi import Request
from starlette.types import ASGIApp

from copilot.agent.tools import Caller
from copilot.app import Copilot
from copilot.console import page
from copilot.desk.keys import Role
from copilot.errors import SettingsError
from copilot.server import api
from copilot.server.auth import Auth, Person, is_loopback
from copilot.server.door import Door
from copilot.server.login import CONSOLE
from copilot.settings import Settings

# After SIGTERM: seconds for answers under way, and for everything. Supervisors kill after ten.
_FINISH_SECONDS = 4
_END_SECONDS = 8.0


def serve(settings: Settings) -> None:
    """Serve until interrupted (SIGINT) or told to end (SIGTERM).

    Raises:
        SettingsError: no key exists and the address is not this machine's own, or the address
            cannot be listened on.
        HomeLocked: another process holds the home.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("httpx", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # uvicorn takes the signals while it serves, then raises them again: without a handler SIGTERM
    # would end the process before anything is closed.
    signal.signal(signal.SIGTERM, _end)
    with listen(settings.host, settings.port) as listener:
        url = address(settings.host, listener.getsockname()[1])
        with Copilot(settings, doing=f"copilot serve at {url}") as copilot:
            keyless = not copilot.keys.any()
            if keyless and not is_loopback(settings.host):
                raise SettingsError(
                    f"without a key the server listens on this machine only, not on"
                    f" {settings.host!r}.",
                    remedy="Make a key first: copilot keys create --role operator.",
                )
            password = secrets.token_urlsafe(9) if keyless else ""
            auth = Auth(copilot.keys, time.monotonic, password=password)
            app = application(copilot, auth)
            copilot.watch()
            listener.listen(2048)
            _greet(copilot, url, password)
            try:
                _run(app, listener)
            finally:
                # An answer that waits for a slow model is not waited for.
                last = threading.Timer(_END_SECONDS - _FINISH_SECONDS, os._exit, [0])
                last.daemon = True
                last.start()


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
    return Door(mounted, auth, copilot.settings.language)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address; port 0 takes a free one.

    Raises:
        SettingsError: it cannot be bound.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _unusable(host, port, error) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _unusable(host, port, error) from error
    return bound


def _unusable(host: str, port: int, error: OSError) -> SettingsError:
    return SettingsError(
        f"cannot listen on {host!r}, port {port}: {error.strerror or error}.",
        remedy="Choose another with --host and --port.",
    )


def address(host: str, port: int) -> str:
    """The URL of a server that listens on a host and port."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _run(app: ASGIApp, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_FINISH_SECONDS,
        ws="none",
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise SystemExit(0)


def _greet(copilot: Copilot, url: str, password: str) -> None:
    health = copilot.health()
    print(f"Console  {url}{CONSOLE}")
    print(f"API      {url}/v1  (OpenAI dialect)   {url}/docs")
    print(f"Playbook {health.passages} passages indexed")
    if password:
        print(f"One-time operator password: {password}")
        print("No key exists: only this machine is served. copilot keys create makes one.")
    print("", end="", flush=True)
