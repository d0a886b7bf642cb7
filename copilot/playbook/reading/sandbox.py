"""Sandboxes: the child processes that read files, watched, replaced when they fail, reused."""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import psutil

from copilot.playbook.reading.reader import Message, receive, send
from copilot.settings import environment

Answer = TypeVar("Answer")

# Seconds a child may take to start; on an idle machine it takes 0.1.
_START = 30.0
# Seconds given to a child that has closed its output to end.
_PATIENCE = 2.0
# Seconds between two looks at the children.
_LOOK = 0.05
# What a child needs of the environment. Keys and passwords stay out of what parses foreign files.
_INHERITED = (
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
)
# One thread per numeric library: each further one reserves memory that counts, on every core. And
# markitdown imports onnxruntime, which since 1.29 reports to Microsoft unless told not to.
_SET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}


class Sandbox:
    """One child process, started when first asked. One thread asks, another may watch."""

    def __init__(self, limits: Message) -> None:
        """Nothing is started yet.

        Args:
            limits: what `reader.main` takes first: ``seconds``, ``memory_mb``, ``text_chars``,
                ``bounds``.
        """
        self._limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = 0.0
        self._cause = ""
        self._closed = False

    def ask(self, job: Message) -> Iterator[tuple[Message, str]]:
        """Have one file read; the reader's messages as they come.

        When the child is lost on the way the last message is ``lost`` with its ``cause``: `time`,
        `memory`, or how it ended.
        """
        try:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            send(process.stdin, job)
            while received := receive(process.stdout):
                message, text = received
                if message["event"] == "end":
                    self._rest()
                    return
                seconds = self._limits["seconds"] if message["event"] == "begin" else _START
                self._set_deadline(time.monotonic() + seconds)
                yield _checked(message), text.decode()
        except (OSError, ValueError, KeyError, TypeError):
            # It ended between two messages, or what it wrote is none.
            pass
        except GeneratorExit:
            self._end()
            raise
        yield {"event": "lost", "cause": self._end(patience=_PATIENCE)}, ""

    def watch(self, now: float) -> None:
        """Kill the child if it takes too long or too much memory."""
        with self._lock:
            if self._process is None or not self._deadline or self._cause:
                return
            if now > self._deadline:
                self._cause = "time"
            elif _resident(self._process.pid) > self._limits["memory_mb"] << 20:
                self._cause = "memory"
            else:
                return
            self._process.kill()

    def close(self) -> None:
        """Kill the child; whoever waits for it sees it lost."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def reap(self) -> None:
        """Collect the child after `close`."""
        self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise OSError("closed")
            if self._process is None:
                self._process = _start()
                self._cause = ""
                assert self._process.stdin is not None
                send(self._process.stdin, self._limits)
            self._deadline = time.monotonic() + _START
            return self._process

    def _set_deadline(self, deadline: float) -> None:
        with self._lock:
            self._deadline = deadline

    def _rest(self) -> None:
        """Keep the child for the next file, unless that would not find enough memory free."""
        self._set_deadline(0.0)
        process = self._process
        if process and _resident(process.pid) > self._limits["memory_mb"] << 19:
            self._end()

    def _end(self, *, patience: float = 0.0) -> str:
        """End the child, and say what has ended it if it had ended before."""
        with self._lock:
            process, self._process = self._process, None
            cause, self._cause, self._deadline = self._cause, "", 0.0
        if process is None:
            return cause or ("was closed" if self._closed else "could not be started")
        try:
            # Its output ends a moment before it does.
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            cause = cause or "stopped answering"
            status = 0
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        if cause:
            return cause
        return f"crashed ({_signal_name(-status)})" if status < 0 else f"ended ({status})"


class Sandboxes:
    """A pool of children; each serves one file at a time."""

    def __init__(self, count: int, limits: Message) -> None:
        self._all = [Sandbox(limits) for _ in range(count)]
        self._idle: queue.LifoQueue[Sandbox] = queue.LifoQueue()
        for sandbox in self._all:
            self._idle.put(sandbox)
        # Its threads live until `close`, and so do the children they start: the kernel ends a child
        # with the thread that started it.
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="reading")
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="reading-watch", daemon=True)

    def __enter__(self) -> Sandboxes:
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for sandbox in self._all:
            sandbox.close()
        self._threads.shutdown(wait=True)
        self._watcher.join()
        for sandbox in self._all:
            sandbox.reap()

    def submit(self, work: Callable[[Sandbox], Answer]) -> Future[Answer]:
        """Have work done with the next child that is free."""
        return self._threads.submit(self._lend, work)

    def _lend(self, work: Callable[[Sandbox], Answer]) -> Answer:
        sandbox = self._idle.get()
        try:
            return work(sandbox)
        finally:
            self._idle.put(sandbox)

    def _watch(self) -> None:
        while not self._done.wait(_LOOK):
            now = time.monotonic()
            for sandbox in self._all:
                sandbox.watch(now)


def _start() -> subprocess.Popen[bytes]:
    outside = environment()
    inherited = {name: outside[name] for name in _INHERITED if name in outside}
    return subprocess.Popen(
        # -P: a file of the working folder named like a module is not imported.
        [sys.executable, "-P", "-X", "utf8", "-m", "copilot.playbook.reading.reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**inherited, **_SET},
        # Ctrl-C in the terminal is for the parent, which ends its children itself.
        start_new_session=True,
    )


def _checked(message: Message) -> Message:
    """A child taken over by a file it reads may say anything; only what has the right form counts.

    Raises:
        ValueError: the message has another form.
    """
    texts = {"begin": ("source",), "reading": ("reason", "kind", "digest", "encoding")}
    for name in texts[message["event"]]:
        if not isinstance(message[name], str):
            raise ValueError(f"{name} is no text")
    if message["event"] == "reading" and message["status"] not in ("read", "skipped", "failed"):
        raise ValueError("no known status")
    return message


def _resident(pid: int) -> int:
    """Bytes of memory a process holds; 0 when it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
