"""Reading: bytes to text (a first version, being replaced)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limits:
    seconds: float = 30.0
    memory_mb: int = 512
    file_mb: int = 64


@dataclass(frozen=True, slots=True)
class Reading:
    source: str
    status: Literal["read", "skipped", "failed"]
    reason: str = ""
    text: str = ""
    kind: str = ""
    digest: str = ""


def read(
    root: Path,
    limits: Limits,
    *,
    workers: int = 0,
    known: Mapping[str, str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Iterator[Reading]:
    files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
    for n, path in enumerate(files, start=1):
        source = path.relative_to(root).as_posix() if root.is_dir() else path.name
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if progress:
            progress(n, len(files), source)
        if (known or {}).get(source) == digest:
            yield Reading(source, "read", "unchanged", "", "", digest)
        elif path.suffix in (".md", ".txt"):
            kind = "markdown" if path.suffix == ".md" else "text"
            yield Reading(source, "read", "", data.decode("utf-8"), kind, digest)
        else:
            yield Reading(source, "skipped", "unsupported")
