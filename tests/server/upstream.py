"""A language model's endpoint on this machine that speaks OpenAI's protocol, as slowly as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Upstream:
    """Holds every call until `go` is set, then answers 500, so that the offline model speaks."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.calls = 0
        self._lock = threading.Lock()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                with upstream._lock:
                    upstream.calls += 1
                upstream.go.wait(60)
                body = json.dumps({"error": {"message": "no"}}).encode()
                try:
                    self.send_response(500)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the caller has gone

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def run(self) -> None:
        """Answer until closed."""
        self._server.serve_forever(0.05)

    def close(self) -> None:
        """Let go of whoever waits, and stop."""
        self.go.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def upstream() -> Iterator[Upstream]:
    """An endpoint that runs."""
    made = Upstream()
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join(10)
