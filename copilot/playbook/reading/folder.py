"""Folders: which files there are to read, and which not, before any is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from copilot.playbook.reading.formats import kind_of

# The source of the root itself, when it cannot be listed.
ROOT = "./"


@dataclass(frozen=True, slots=True)
class Found:
    """A file to be read; with a ``status`` it is not to be, for the ``reason`` given.

    ``source`` is its path relative to the root with `/`; that of a folder ends in `/`.
    """

    path: Path | None
    source: str
    kind: str
    status: Literal["", "skipped", "failed"] = ""
    reason: str = ""


def find(root: Path, *, most: int) -> list[Found]:
    """Every file below a folder, or the one file, in the order of their sources.

    Args:
        root: the file or folder.
        most: the largest file read, mebibytes.
    """
    if not root.is_dir():
        return [_judged(root.absolute(), _shown(root.name), most)]
    root = root.absolute()
    top = root.resolve()
    found: list[Found] = []
    links: list[tuple[Path, str]] = []
    folders = [(root, "")]
    while folders:
        folder, prefix = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            found.append(
                _refused(prefix or ROOT, "failed", f"{error.strerror}; check the folder's rights")
            )
            continue
        for entry in entries:
            source = prefix + _shown(entry.name)
            if entry.name.startswith("."):
                name = f"{source}/" if entry.is_dir(follow_symlinks=False) else source
                found.append(_refused(name, "skipped", "hidden; rename it to have it read"))
            elif entry.is_symlink():
                links.append((Path(entry.path), source))
            elif entry.is_dir():
                folders.append((Path(entry.path), f"{source}/"))
            else:
                found.append(_judged(Path(entry.path), source, most))
    own = {each.path.resolve(): each.source for each in found if each.path}
    found.extend(_linked(path, source, top, own, most) for path, source in links)
    return sorted(found, key=lambda each: each.source)


def _linked(path: Path, source: str, top: Path, own: Mapping[Path, str], most: int) -> Found:
    """A symbolic link: read when it leads to a file of the folder that is not read elsewhere."""
    # Unlike `Path.resolve`, this does not raise on links in a circle.
    target = Path(os.path.realpath(path))
    if not target.exists():
        return _refused(source, "skipped", "broken symbolic link; restore its target")
    if not target.is_relative_to(top):
        return _refused(source, "skipped", "symbolic link out of the folder; copy its target here")
    if target.is_dir():
        return _refused(source, "skipped", "symbolic link to a folder; put the folder here")
    if target in own:
        return _refused(source, "skipped", f"same file as {own[target]!r}; nothing to do")
    return _judged(path, source, most)


def _judged(path: Path, source: str, most: int) -> Found:
    """A file by its name and size, before it is opened."""
    kind, refusal = kind_of(source)
    if not kind:
        return _refused(source, "skipped", refusal)
    try:
        status = path.stat()
    except OSError as error:
        return _refused(source, "failed", f"{error.strerror}; check the file's rights")
    if not stat.S_ISREG(status.st_mode):
        return _refused(source, "skipped", "no regular file; nothing to read")
    if not status.st_size:
        return _refused(source, "skipped", "empty")
    if status.st_size > most << 20:
        size = status.st_size / (1 << 20)
        return _refused(
            source,
            "failed",
            f"{size:.0f} MiB, the limit is {most} MiB; split it, or raise COPILOT_READ_FILE_MB",
        )
    return Found(path, source, kind)


def _refused(source: str, status: Literal["skipped", "failed"], reason: str) -> Found:
    return Found(None, source, "", status, reason)


def _shown(name: str) -> str:
    """A file name as text; bytes of it that are no UTF-8 as `\\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
