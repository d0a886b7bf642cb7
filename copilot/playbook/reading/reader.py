"""Reader: the child process that turns files into text, confined, one job after the other.

Started by `sandbox` as ``python -m copilot.playbook.reading.reader``. Its standard input brings the
limits and then jobs, its standard output takes what it begins and what it has read. A message is a
JSON object behind its length (four bytes, big-endian), followed by as many bytes of text as it says
under ``bytes``.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

from copilot.errors import ReadError
from copilot.playbook.reading.archive import Archive, Bounds
from copilot.playbook.reading.formats import extract, kind_of

if sys.platform != "win32":
    import resource

Message = dict[str, Any]

_LENGTH = struct.Struct(">I")
# The longest message beside its text (it may hold the digests of an archive's members), and the
# longest text.
_LONGEST, _LONGEST_TEXT = 64 << 20, 256 << 20
_PR_SET_PDEATHSIG = 1
# Seconds beyond the time limit after which a child ends itself, should nobody have done it.
_GRACE = 5


def send(stream: IO[bytes], message: Message, text: bytes = b"") -> None:
    """Write one message and its text."""
    body = json.dumps({**message, "bytes": len(text)}).encode()
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.write(text)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[Message, bytes] | None:
    """Read one message and its text; None when the other side has ended.

    Raises:
        ValueError: what came is no message.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > _LONGEST:
        raise ValueError(f"a message of {length} bytes")
    body = stream.read(length)
    if len(body) < length:
        return None
    message = json.loads(body)
    if not isinstance(message, dict) or not 0 <= message.get("bytes", -1) <= _LONGEST_TEXT:
        raise ValueError("a message of no known form")
    text = stream.read(message["bytes"])
    return (message, text) if len(text) == message["bytes"] else None


class Reader:
    """Reads files within limits and says what it does as messages.

    Each file, or member of a zip, gives ``begin`` with its ``source`` and then ``reading``.
    """

    def __init__(self, bounds: Bounds, *, text_chars: int, seconds: float) -> None:
        self._bounds = bounds
        self._text_chars = text_chars
        self._seconds = seconds

    def work(self, job: Message) -> Iterator[tuple[Message, bytes]]:
        """Read one file.

        Args:
            job: ``path`` (its bytes as Latin-1), ``source``, ``kind``, ``known`` (source -> digest
                of what need not be read again), ``skip`` (members of a zip already dealt with).
        """
        path = Path(os.fsdecode(job["path"].encode("latin-1")))
        source, known = job["source"], job["known"]
        yield self._begin(source)
        if job["kind"] != "zip":
            yield self._reading(job["kind"], known.get(source, ""), lambda: self._load(path))
            return
        try:
            with path.open("rb") as file:
                yield from self._members(file, source, known, job["skip"])
        except Exception as error:  # noqa: BLE001 - outermost: a file never ends the reader
            yield self._failure("zip", error), b""

    def _members(
        self, file: BinaryIO, source: str, known: dict[str, str], skip: int
    ) -> Iterator[tuple[Message, bytes]]:
        archive = Archive(file, self._bounds)
        members = archive.members(kind_of)
        if not members:
            raise ReadError("empty zip", remedy="put files into it")
        for member in members[skip:]:
            name = f"{source}!/{member.name}"
            yield self._begin(name)
            if member.status:
                yield _verdict(member.status, member.reason), b""
                continue
            kind, info = kind_of(member.name)[0], member.info
            yield self._reading(kind, known.get(name, ""), lambda: archive.content(info))  # noqa: B023

    def _begin(self, source: str) -> tuple[Message, bytes]:
        if hasattr(signal, "alarm"):
            signal.alarm(int(self._seconds + _GRACE))
        return {"event": "begin", "source": source}, b""

    def _reading(self, kind: str, known: str, load: Callable[[], bytes]) -> tuple[Message, bytes]:
        """Load and read one file, whatever is in it."""
        digest = ""
        try:
            data = load()
            digest = hashlib.sha256(data).hexdigest()
            if digest == known:
                return _verdict("read", "unchanged", kind=kind, digest=digest), b""
            if not data.strip():
                return _verdict("skipped", "empty", kind=kind, digest=digest), b""
            content = extract(kind, data, self._bounds)
            if len(content.text) > self._text_chars:
                raise ReadError(
                    f"text of more than {self._text_chars} characters", remedy="split the file"
                )
            if not content.text.strip():
                return _verdict("skipped", "no text in it", kind=kind, digest=digest), b""
            text = content.text.encode("utf-8", "replace")
            found = _verdict("read", content.note, kind=kind, digest=digest)
            return {**found, "encoding": content.encoding}, text
        except Exception as error:  # noqa: BLE001 - outermost: a file never ends the reader
            return {**self._failure(kind, error), "digest": digest}, b""

    def _failure(self, kind: str, error: Exception) -> Message:
        """Name what went wrong and the remedy."""
        if isinstance(error, ReadError):
            return _verdict("failed", f"{error.detail}; {error.remedy}", kind=kind)
        if isinstance(error, MemoryError):
            return {**_verdict("failed", "", kind=kind), "exhausted": True}
        if isinstance(error, RecursionError):
            return _verdict("failed", "nested too deeply; simplify it", kind=kind)
        if isinstance(error, OSError) and error.strerror:
            return _verdict(
                "failed", f"cannot be opened ({error.strerror}); check the file", kind=kind
            )
        said = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        return _verdict(
            "failed",
            f"damaged {kind.upper()} ({said}); open it in its program and save it again",
            kind=kind,
        )

    def _load(self, path: Path) -> bytes:
        most = self._bounds.member_mb << 20
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise ReadError(f"larger than {self._bounds.member_mb} MiB", remedy="split the file")
        return data


def _verdict(status: str, reason: str, *, kind: str = "", digest: str = "") -> Message:
    return {
        "event": "reading",
        "status": status,
        "reason": reason,
        "kind": kind,
        "digest": digest,
        "encoding": "",
    }


def _die_with_parent() -> None:
    """Have the kernel end this process with its parent, even in the middle of a job (Linux).

    Elsewhere the end of standard input does it between jobs, and the alarm within one.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _confine(memory_mb: int) -> None:
    """Bound this process's memory; forbid it to write files and to leave a core behind.

    Data, not address space: the latter counts what libraries reserve and never touch, some
    hundreds of mebibytes.
    """
    if sys.platform == "win32":
        return
    for what, most in (
        (resource.RLIMIT_DATA, memory_mb << 20),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # Systems that know no such limit: the sandbox watches from outside.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (bound, bound))


def main() -> int:
    """Serve jobs until standard input ends; the exit status."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints must not get between the messages.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    first = receive(sys.stdin.buffer)
    if first is None:
        return 0
    limits = first[0]
    _die_with_parent()
    _confine(limits["memory_mb"])
    reader = Reader(
        Bounds(**limits["bounds"]), text_chars=limits["text_chars"], seconds=limits["seconds"]
    )
    while job := receive(sys.stdin.buffer):
        for message, text in reader.work(job[0]):
            send(answers, message, text)
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        send(answers, {"event": "end"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
