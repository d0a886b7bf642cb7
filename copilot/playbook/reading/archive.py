"""Archives: the members of a zip, named safely and inflated in memory under limits."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal

from copilot.errors import ReadError
from copilot.playbook.reading.encoding import decode_name

# Inflated so far before the ratio counts: short files of one repeated line compress 1 : 500.
_RATIO_FROM = 8 << 20
_CHUNK = 1 << 18
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_LOCAL_HEADER = 30
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a zip may inflate.

    ``member_mb`` and ``total_mb`` are mebibytes after inflating, ``ratio`` inflated bytes per
    compressed byte of one member, ``files`` members of one archive.
    """

    member_mb: int
    total_mb: int
    ratio: int
    files: int


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive; with a ``status`` it is not to be read, for the ``reason`` given."""

    name: str
    info: zipfile.ZipInfo
    status: Literal["", "skipped", "failed"] = ""
    reason: str = ""


class Archive:
    """An open zip. Nothing is written to disk, and no size it declares is believed."""

    def __init__(self, file: BinaryIO, bounds: Bounds) -> None:
        """Read the directory of a zip.

        Raises:
            ReadError: it is damaged, has too many members, or members that share their data.
        """
        self._bounds = bounds
        self._inflated = 0
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError) as error:
            raise ReadError(f"damaged zip ({error})", remedy="pack it again") from error
        infos = self._zip.infolist()
        if len(infos) > bounds.files:
            raise ReadError(
                f"zip of {len(infos)} members, the limit is {bounds.files}",
                remedy="unpack it, or split it",
            )
        end = 0
        for info in sorted(infos, key=lambda each: each.header_offset):
            if info.header_offset < end:
                raise ReadError(
                    "damaged zip, or a zip bomb: its members overlap", remedy="pack it again"
                )
            end = info.header_offset + _LOCAL_HEADER + info.compress_size

    def infos(self) -> list[zipfile.ZipInfo]:
        """The entries as they are, unsafe names and all, for Office files."""
        return self._zip.infolist()

    def members(self, judge: Callable[[str], tuple[str, str]]) -> list[Member]:
        """The files in the archive, in its order, each with what forbids reading it.

        Args:
            judge: gives a safe name's kind, and why it is not read (then without a kind).
        """
        seen: set[str] = set()
        found = []
        for info in self._zip.infolist():
            name = _name(info)
            if name.endswith("/") and not info.file_size:
                continue
            found.append(_member(name, info, judge, name in seen))
            seen.add(name)
        return found

    def content(self, info: zipfile.ZipInfo) -> bytes:
        """Inflate one entry, counting.

        Raises:
            ReadError: a limit is exceeded, or the entry is damaged.
        """
        parts: list[bytes] = []
        size = 0
        # Honest bombs are refused unopened; liars meet the limits on what really comes out.
        self._check(info, info.file_size, told=True)
        try:
            with self._zip.open(info) as stream:
                while part := stream.read(_CHUNK):
                    size += len(part)
                    self._inflated += len(part)
                    self._check(info, size)
                    parts.append(part)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise ReadError(f"damaged zip member ({error})", remedy="pack it again") from error
        except RuntimeError as error:
            raise ReadError("encrypted zip member", remedy="remove the password") from error
        return b"".join(parts)

    def _check(self, info: zipfile.ZipInfo, size: int, *, told: bool = False) -> None:
        bounds = self._bounds
        if size > _RATIO_FROM and size > bounds.ratio * max(1, info.compress_size):
            raise ReadError(
                f"zip bomb: inflates more than {bounds.ratio} times",
                remedy="delete it, or unpack it if you trust it",
            )
        if size > bounds.member_mb << 20:
            raise ReadError(
                f"inflates beyond {bounds.member_mb} MiB", remedy="split the file, or unpack it"
            )
        if self._inflated + (size if told else 0) > bounds.total_mb << 20:
            raise ReadError(
                f"the archive inflates beyond {bounds.total_mb} MiB", remedy="split the archive"
            )


def _name(info: zipfile.ZipInfo) -> str:
    """The entry's name; old Chinese archivers write it in GBK without saying so."""
    if info.flag_bits & _UTF8_NAME:
        return info.orig_filename
    return decode_name(info.orig_filename.encode("cp437"))


def _member(
    name: str, info: zipfile.ZipInfo, judge: Callable[[str], tuple[str, str]], again: bool
) -> Member:
    if danger := _danger(name):
        return Member(name, info, "failed", f"unsafe name: {danger}; rename it and pack again")
    parts = name.split("/")
    if "__MACOSX" in parts:
        return Member(name, info, "skipped", "macOS resource fork; nothing to do")
    if any(part.startswith(".") for part in parts):
        return Member(name, info, "skipped", "hidden file; rename it to have it read")
    if stat.S_ISLNK(info.external_attr >> 16):
        return Member(name, info, "skipped", "symbolic link; pack the file itself")
    if again:
        return Member(name, info, "failed", "second member of this name; rename it and pack again")
    if name.lower().endswith(".zip"):
        return Member(name, info, "failed", "zip within a zip; unpack it first")
    kind, refusal = judge(name)
    if not kind:
        return Member(name, info, "skipped", refusal)
    if info.flag_bits & _ENCRYPTED:
        return Member(name, info, "failed", "encrypted zip member; remove the password")
    if info.compress_type not in _METHODS:
        return Member(
            name, info, "failed", f"compression method {info.compress_type}; pack it with Deflate"
        )
    return Member(name, info)


def _danger(name: str) -> str:
    if _CONTROL.search(name):
        return "control characters"
    if "\\" in name:
        return "backslash"
    if name.startswith("/"):
        return "absolute path"
    if _DRIVE.match(name):
        return "drive letter"
    return "path traversal (..)" if ".." in name.split("/") else ""
