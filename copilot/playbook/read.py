"""Reading: the files of a folder become text, each in a child process under limits."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from copilot.errors import ReadError
from copilot.playbook.reading.archive import Bounds
from copilot.playbook.reading.folder import ROOT, Found, find
from copilot.playbook.reading.formats import kind_of
from copilot.playbook.reading.reader import Message
from copilot.playbook.reading.sandbox import Sandbox, Sandboxes

Progress = Callable[[int, int, str], None]

# A zip whose members take down so many children is given up.
_LOST = 3
# Files read ahead of the caller, per child: enough to keep it busy, few texts in memory.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take.

    Attributes:
        seconds: wall time for one file, or one member of a zip.
        memory_mb: memory of the child that reads it, its libraries (160 MiB for Office files)
            included, mebibytes.
        file_mb: largest file, or member of a zip after inflating, mebibytes.
        text_chars: longest text taken from one file; a thick book has 0.5 million characters.
        archive_ratio: inflated bytes per compressed byte of a zip's member beyond 8 MiB; text
            reaches 20, tables of one repeated value 100, a bomb 1 000.
        archive_files: members of one zip.
        archive_total_mb: what one zip, or Office file, may inflate to, mebibytes.
    """

    seconds: float = 30.0
    memory_mb: int = 512
    file_mb: int = 64
    text_chars: int = 10_000_000
    archive_ratio: int = 200
    archive_files: int = 5_000
    archive_total_mb: int = 256


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one file.

    Attributes:
        source: path relative to the root with `/`; members of a zip as `a.zip!/inner/b.md`; a
            folder that is not read ends in `/`.
        status: `read`, `skipped` (nothing wrong with it) or `failed`.
        reason: what was found and the remedy; of a read file `unchanged` (its text is then empty),
            a note on what was left out, or nothing.
        text: the text; Markdown for all kinds but `text`.
        kind: `markdown`, `text`, `html`, `pdf`, `docx`, `pptx`, `xlsx`, `csv`, `json`, `jsonl`;
            `zip` when an archive fails as a whole; empty when it was not opened.
        digest: SHA-256 of the bytes, hexadecimal; empty when they were not loaded.
        encoding: of text formats, as found (`utf-8`, `gb18030`, `big5`, `utf-16-le` …).
    """

    source: str
    status: Literal["read", "skipped", "failed"]
    reason: str = ""
    text: str = ""
    kind: str = ""
    digest: str = ""
    encoding: str = ""


def read(
    root: Path,
    limits: Limits,
    *,
    workers: int = 0,
    known: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Iterator[Reading]:
    """Read a file, or all files below a folder, in the order of their sources.

    Every file ends as a reading; none stops the others, whatever is in it. Hidden files and
    folders, symbolic links that lead outside, and unsupported types are skipped with a reason.
    Nothing is written to disk.

    Args:
        root: the file or folder.
        limits: what one file may take.
        workers: files read at once; 0 means one per processor core.
        known: source -> digest of what has been read before: a file that still has it comes back
            as read, `unchanged`, without a text. When an archive or a folder fails as a whole, so
            does each known file in it, for nobody can say that it is gone.
        progress: called after each file with the number done, the number of files, and its source.

    Raises:
        ReadError: there is no such file or folder.
    """
    if not root.exists():
        raise ReadError(f"{str(root)!r} does not exist.", remedy="Check the path.")
    return _read(find(root, most=limits.file_mb), limits, workers, known or {}, progress)


def _read(
    found: list[Found],
    limits: Limits,
    workers: int,
    known: Mapping[str, str],
    progress: Progress | None,
) -> Iterator[Reading]:
    wanted = sum(not each.status for each in found)
    count = max(1, min(workers or _cores(), wanted))
    remaining = iter(found)
    waiting: deque[tuple[Found, Future[list[Reading]] | None]] = deque()
    with Sandboxes(count, _message(limits)) as sandboxes:
        for done in range(1, len(found) + 1):
            while len(waiting) <= count * _AHEAD and (file := next(remaining, None)):
                waiting.append((file, _submit(sandboxes, file, known, limits)))
            file, future = waiting.popleft()
            readings = future.result() if future else [_refused(file)]
            if progress is not None:
                progress(done, len(found), file.source)
            yield from readings
            yield from _unseen(readings[-1], readings, known)


def _submit(
    sandboxes: Sandboxes, file: Found, known: Mapping[str, str], limits: Limits
) -> Future[list[Reading]] | None:
    if file.status:
        return None
    return sandboxes.submit(lambda sandbox: _ask(sandbox, file, known, limits))


def _ask(sandbox: Sandbox, file: Found, known: Mapping[str, str], limits: Limits) -> list[Reading]:
    """Have one file read; a zip that takes its child down goes on behind the member it was at."""
    readings: list[Reading] = []
    job: Message = {
        "path": os.fsencode(file.path or "").decode("latin-1"),
        "source": file.source,
        "kind": file.kind,
        "known": {source: known[source] for source in _within(file.source, known)},
    }
    for _ in range(_LOST):
        source = file.source
        for message, text in sandbox.ask({**job, "skip": len(readings)}):
            if message["event"] == "begin":
                source = message["source"]
            elif message["event"] == "reading":
                readings.append(_reading(source, message, text, limits))
            else:
                reason = _lost(str(message["cause"]), limits)
                readings.append(Reading(source, "failed", reason, kind=_kind(source)))
                break
        else:
            return readings or [Reading(file.source, "failed", _lost("said nothing", limits))]
        if source == file.source:
            return readings
    reason = f"{_LOST} of its members stopped the reader; unpack it and remove them"
    return [*readings, Reading(file.source, "failed", reason)]


def _reading(source: str, message: Message, text: str, limits: Limits) -> Reading:
    return Reading(
        source,
        message["status"],
        _lost("memory", limits) if message.get("exhausted") else message["reason"],
        text,
        message["kind"],
        message["digest"],
        message["encoding"],
    )


def _refused(file: Found) -> Reading:
    return Reading(file.source, file.status or "skipped", file.reason)


def _lost(cause: str, limits: Limits) -> str:
    if cause == "time":
        return f"took longer than {limits.seconds:g} s; split it, or raise COPILOT_READ_SECONDS"
    if cause == "memory":
        return (
            f"needs more than {limits.memory_mb} MiB of memory; split it, or raise "
            "COPILOT_READ_MEMORY_MB"
        )
    return f"the reader {cause} on it; convert it to another format"


def _unseen(last: Reading, readings: list[Reading], known: Mapping[str, str]) -> Iterator[Reading]:
    """Known files in a folder or an archive that failed as a whole."""
    if last.status != "failed" or not (last.source.endswith("/") or _kind(last.source) == "zip"):
        return
    given = {reading.source for reading in readings}
    for source in _within(last.source, known):
        if source not in given:
            yield Reading(source, "failed", f"not reached: {last.reason}", kind=_kind(source))


def _within(source: str, known: Mapping[str, str]) -> list[str]:
    """The known sources that are this one, or in this folder or archive."""
    if source.endswith("/"):
        folder = "" if source == ROOT else source
        return sorted(each for each in known if each.startswith(folder))
    if _kind(source) == "zip":
        return sorted(each for each in known if each.startswith(f"{source}!/"))
    return [source] if source in known else []


def _kind(source: str) -> str:
    return kind_of(source)[0]


def _message(limits: Limits) -> Message:
    bounds = Bounds(
        member_mb=limits.file_mb,
        total_mb=limits.archive_total_mb,
        ratio=limits.archive_ratio,
        files=limits.archive_files,
    )
    return {
        "seconds": limits.seconds,
        "memory_mb": limits.memory_mb,
        "text_chars": limits.text_chars,
        "bounds": asdict(bounds),
    }


def _cores() -> int:
    """The processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
