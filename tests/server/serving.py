"""A real uvicorn server in a thread, and raw requests to it."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from copilot.agent.memory import ThreadSaver
from copilot.app import Copilot
from copilot.server import api
from copilot.server.auth import Auth
from copilot.server.run import listen

# What a member may be told from the sample playbook, and a question about it.
ASK = "积分制度是怎么鼓励发言的？"
FOUND = "每条有效发言记2分"
PASSWORD = "one-time-password"


@dataclass
class Served:
    """A server that runs: where, and with which keys (role → secret)."""

    copilot: Copilot
    port: int
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, role: str | None = None, **options: Any) -> httpx.Client:
        """An HTTP client, with the key of a role."""
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **options)

    def post(self, path: str, body: Any, role: str | None = None, **options: Any) -> httpx.Response:
        """POST JSON with the key of a role."""
        with self.client(role) as client:
            return client.post(path, json=body, **options)

    def raw(self, request: bytes, seconds: float = 20.0) -> bytes:
        """Send bytes, close our side, and take everything that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as wire:
            wire.sendall(request)
            received = b""
            while part := wire.recv(65536):
                received += part
            return received

    def chat(self, body: Any, role: str | None = None, path: str = "/v1/chat/completions") -> bytes:
        """The whole reply to a chat completion, as it stands on the wire, chunked or not."""
        content = json.dumps(body, ensure_ascii=False).encode()
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
            "Connection: close",
        ]
        if role:
            lines.append(f"Authorization: Bearer {self.keys[role]}")
        return self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def thread_of(served: Served, answer: str) -> str:
    """The conversation that an answer in the journal belongs to; empty for none."""
    with closing(sqlite3.connect(served.copilot.settings.home / "records.db")) as records:
        row = records.execute("SELECT thread FROM desk_journal WHERE id = ?", [answer]).fetchone()
    return str(row[0])


def held_in(served: Served, thread: str) -> str:
    """Everything that a conversation remembers, for whichever audience, as one text."""
    file = served.copilot.settings.home / "threads.db"
    with closing(sqlite3.connect(file)) as threads:
        ids = {str(row[0]) for row in threads.execute("SELECT thread_id FROM checkpoints")}
    saver = ThreadSaver(file)
    try:
        held = [
            saver.get({"configurable": {"thread_id": id_}}) for id_ in ids if id_.endswith(thread)
        ]
    finally:
        saver.close()
    messages = [each for one in held if one for each in one["channel_values"]["messages"]]
    return "\n".join(str(each.content) for each in messages)


def unchunked(reply: bytes) -> bytes:
    """The body of an HTTP/1.1 reply, out of its chunks when it has any."""
    head, _, body = reply.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        return body
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        whole += body[:length]
        body = body[length + 2 :]
    return whole


def question(text: str = ASK, **more: Any) -> dict[str, Any]:
    """A chat completion request."""
    return {"model": "community-qa", "messages": [{"role": "user", "content": text}], **more}


@contextmanager
def running(app: ASGIApp) -> Iterator[int]:
    """Run an ASGI application with uvicorn, as `serve` does; its port."""
    with listen("127.0.0.1", 0) as listener:
        listener.listen(128)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            end = time.monotonic() + 20
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                assert time.monotonic() < end, "the server did not start in time"
                time.sleep(0.01)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)
            if thread.is_alive():
                server.force_exit = True
                thread.join(10)
        assert not thread.is_alive(), "the server did not end"


@contextmanager
def served(copilot: Copilot, roles: tuple[str, ...] = ()) -> Iterator[Served]:
    """Serve a copilot's API with a fresh key for each role; without any role there is no key."""
    keys = {role: copilot.keys.create(role, "a test")[1] for role in roles}
    auth = Auth(copilot.keys, time.monotonic, password="" if roles else PASSWORD)
    with running(api.create(copilot, auth)) as port:
        yield Served(copilot, port, keys)
