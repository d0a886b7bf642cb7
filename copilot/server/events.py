"""Server-sent events: data lines alone, LF alone, made by a plain generator in one thread."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Generator, Mapping

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from copilot.server.admission import Place


def data(thing: Mapping[str, object]) -> str:
    """One event. Bots read neither CRLF nor `event:` lines (bots.md)."""
    return f"data: {json.dumps(thing, ensure_ascii=False)}\n\n"


class EventStream(StreamingResponse):
    """Streams what a generator yields.

    The generator runs from end to end in one thread (LangGraph keeps context that must not change
    between steps), never waits for a slow reader, and is closed at its next event when the reader
    has gone away. Whatever happens, the place is given back.
    """

    def __init__(self, events: Generator[str, None, None], place: Place) -> None:
        self._events = events
        self._place = place
        self._gone = threading.Event()
        # Unbounded: an answer is small, and a reader that stalls must not keep a place.
        self._sender, self._receiver = anyio.create_memory_object_stream[str](math.inf)
        super().__init__(
            self._receiver,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end or the client goes."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.to_thread.run_sync, self._work)
                try:
                    await super().__call__(scope, receive, send)
                finally:
                    self._gone.set()
        finally:
            self._sender.close()
            self._receiver.close()
            self._place.leave()

    def _work(self) -> None:
        try:
            for event in self._events:
                if self._gone.is_set():
                    break
                anyio.from_thread.run_sync(self._sender.send_nowait, event)
        finally:
            self._events.close()
            anyio.from_thread.run_sync(self._sender.close)
