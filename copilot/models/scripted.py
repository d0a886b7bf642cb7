"""A chat model's endpoint on this machine that says what a script tells it: for tests."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

# Characters in one piece of a stream.
_PIECE = 7


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model wants called; ``raw`` is sent in place of the arguments if given."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the endpoint does with one request.

    ``status`` other than 200 makes it an error; ``wait`` are seconds of silence before; ``cut`` is
    the number of pieces after which the connection of a stream breaks off.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    status: int = 200
    wait: float = 0.0
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: the JSON body, and the key that came with it."""

    body: dict[str, Any]
    key: str

    @property
    def tools(self) -> list[str]:
        """Names of the tools that the model may call."""
        return [tool["function"]["name"] for tool in self.body.get("tools", ())]

    def texts(self, role: str) -> list[str]:
        """What messages of a role say (`system`, `user`, `assistant`, `tool`)."""
        return [
            message["content"] or "" for message in self.body["messages"] if message["role"] == role
        ]


Script = Callable[[Request], Reply]


def in_turn(*replies: Reply) -> Script:
    """A script that gives the replies one after the other, then the last again and again."""
    remaining = list(replies)
    lock = threading.Lock()

    def script(_: Request) -> Reply:
        with lock:
            return remaining.pop(0) if len(remaining) > 1 else remaining[0]

    return script


class ScriptedEndpoint:
    """Speaks OpenAI's `/v1/chat/completions`, streamed or not, in a thread; a context manager.

    ``url`` is the base URL to configure; ``requests`` collects what was asked, ``errors``
    what the script raised; ``script`` may be replaced between requests.
    """

    def __init__(self, script: Script) -> None:
        self.requests: list[Request] = []
        self.errors: list[Exception] = []
        self.script = script
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                endpoint._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> ScriptedEndpoint:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        key = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        request = Request(body, key)
        self.requests.append(request)
        # Every answer has an id of its own, as real ones do.
        body["id"] = f"scripted-{uuid.uuid4().hex}"
        try:
            reply = self.script(request)
        except Exception as error:  # noqa: BLE001 - a mistake in the test: no failing model
            self.errors.append(error)
            reply = Reply(status=500)
        time.sleep(reply.wait)
        try:
            if reply.status != 200:
                _send(handler, reply.status, {"error": {"message": "scripted failure"}})
            elif body.get("stream"):
                _stream(handler, reply, body)
            else:
                _send(handler, 200, _completion(reply, body))
        except OSError:
            handler.close_connection = True  # whoever asked has gone


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are what tests are about."""


def _send(handler: BaseHTTPRequestHandler, status: int, thing: dict[str, Any]) -> None:
    content = json.dumps(thing).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def _stream(handler: BaseHTTPRequestHandler, reply: Reply, body: dict[str, Any]) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for place, delta in enumerate(_deltas(reply)):
        if reply.cut is not None and place >= reply.cut:
            handler.close_connection = True
            return
        _event(handler, {**_head(body), "choices": [{"index": 0, "delta": delta}]})
    last = {"index": 0, "delta": {}, "finish_reason": _reason(reply)}
    _event(handler, {**_head(body), "choices": [last]})
    if (body.get("stream_options") or {}).get("include_usage"):
        _event(handler, {**_head(body), "choices": [], "usage": _USAGE})
    _chunk(handler, b"data: [DONE]\n\n")
    _chunk(handler, b"")


def _event(handler: BaseHTTPRequestHandler, thing: dict[str, Any]) -> None:
    _chunk(handler, f"data: {json.dumps(thing, ensure_ascii=False)}\n\n".encode())


def _chunk(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    handler.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
    handler.wfile.flush()


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for start in range(0, len(reply.text), _PIECE):
        yield {"content": reply.text[start : start + _PIECE]}
    for place, call in enumerate(_calls(reply)):
        yield {"tool_calls": [{"index": place, **call}]}


def _completion(reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.calls:
        message["tool_calls"] = _calls(reply)
    choice = {"index": 0, "message": message, "finish_reason": _reason(reply)}
    return {**_head(body, "chat.completion"), "choices": [choice], "usage": _USAGE}


def _calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{place}",
            "type": "function",
            "function": {
                "name": call.name,
                "arguments": call.raw
                if call.raw is not None
                else json.dumps(dict(call.args), ensure_ascii=False),
            },
        }
        for place, call in enumerate(reply.calls)
    ]


def _reason(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"


def _head(body: dict[str, Any], kind: str = "chat.completion.chunk") -> dict[str, Any]:
    return {"id": body["id"], "object": kind, "created": 0, "model": body.get("model", "")}


_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
