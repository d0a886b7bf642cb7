"""Formats: the bytes of one file of any supported kind become text."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from copilot.errors import ReadError
from copilot.playbook.reading.archive import Archive, Bounds
from copilot.playbook.reading.encoding import decode, looks_like
from copilot.playbook.reading.pages import pdf_text
from copilot.playbook.reading.tables import csv_text, json_text, jsonl_text, xlsx_text

# File extension -> kind. Zips are taken apart before this module is asked.
KINDS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".pptx": "pptx",
    ".xlsx": "xlsx",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
# Extensions people bring that are not read, with the remedy.
_OTHERS = {
    ".doc": "old Word format; save it as .docx",
    ".wps": "WPS format; save it as .docx",
    ".rtf": "RTF; save it as .docx",
    ".pages": "Pages format; export it as .docx or PDF",
    ".ppt": "old PowerPoint format; save it as .pptx",
    ".dps": "WPS format; save it as .pptx",
    ".key": "Keynote format; export it as .pptx or PDF",
    ".xls": "old Excel format; save it as .xlsx",
    ".et": "WPS format; save it as .xlsx",
    ".numbers": "Numbers format; export it as .xlsx",
    ".rar": "RAR archive; pack it as .zip",
    ".7z": "7z archive; pack it as .zip",
    ".gz": "gzip archive; pack it as .zip",
    ".png": "image; write its text into a file of its own",
    ".jpg": "image; write its text into a file of its own",
    ".jpeg": "image; write its text into a file of its own",
    ".epub": "e-book; convert it to Markdown or DOCX",
}

# Markdown headings for the style names of Chinese Word, WPS and LibreOffice; mammoth knows the
# English ones but `Title`.
_DOCX_STYLES = "\n".join(
    ["p[style-name='Title'] => h1:fresh", "p[style-name='标题'] => h1:fresh"]
    + [f"p[style-name='标题 {level}'] => h{level}:fresh" for level in range(1, 7)]
)
# Escapes would stand in citations and split words for the search; tables keep their first row as
# header.
_MARKDOWN = {
    "escape_asterisks": False,
    "escape_underscores": False,
    "escape_misc": False,
    "table_infer_header": True,
}
_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_LOCAL_LINK = re.compile(r"\[((?:[^\[\]\n]|\[[^\]\n]*\])*)\]\(#[^)\n]*\)")
# How mammoth writes footnotes; `[1]` is what citations look like, so it becomes （注1）.
_FOOTNOTE = re.compile(r"\[\[(\d+)\]\]\(#(?:foot|end)note-\d+\)")
_FOOTNOTE_BACK = re.compile(r"\s*\[↑\]\(#[^)]*\)")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
_SLIDE = re.compile(r"^<!-- Slide number: \d+ -->$", re.MULTILINE)
_SLIDE_TITLE = re.compile(r"^# ", re.MULTILINE)
_NOTES = re.compile(r"^### Notes:$", re.MULTILINE)
# What a web page shows around its text.
_AROUND = re.compile(
    "script|style|nav|noscript|template|svg|iframe|button|select|footer|aside|dialog|object"
)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
# Parts of Office files that hold no text but may be large: pictures, films, embedded files, fonts.
_BULK = re.compile(r"/(?:media|embeddings|fonts)/")
# The smallest GIF, in place of pictures, so that what looks at them finds one.
_PICTURE = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


@dataclass(frozen=True, slots=True)
class Content:
    """The text of a file, the encoding it was in (text formats), and what was left out of it."""

    text: str
    encoding: str = ""
    note: str = ""


def kind_of(name: str) -> tuple[str, str]:
    """The kind of a file by its name's extension (`zip` for archives), or why it is not read."""
    path = PurePosixPath(name)
    extension = path.suffix.lower()
    if path.name.startswith("~$"):
        return "", "lock file of an open Office document; nothing to do"
    if extension == ".zip":
        return "zip", ""
    if extension in KINDS:
        return KINDS[extension], ""
    if extension in _OTHERS:
        return "", _OTHERS[extension]
    found = f"unsupported type {extension!r}" if extension else "no file extension"
    return "", f"{found}; convert it to Markdown, DOCX, PDF or .txt"


def extract(kind: str, data: bytes, bounds: Bounds) -> Content:
    """Turn the bytes of a file into text.

    Args:
        kind: one of the values of `KINDS`.
        data: the whole file.
        bounds: how far an Office file, which is a zip, may inflate.

    Raises:
        ReadError: it cannot be read, with what was found and the remedy.
    """
    if kind in _FROM_TEXT:
        decoded = decode(data)
        text, note = _FROM_TEXT[kind](decoded.text)
        if decoded.damaged:
            note = "; ".join(filter(None, (_damage(decoded.damaged), note)))
        return Content(text, decoded.encoding, note)
    if kind == "html":
        return _html(data)
    if kind == "pdf":
        return Content(*pdf_text(data))
    archive = _office(kind, data, bounds)
    if kind == "xlsx":
        text, note = xlsx_text(_slim(archive))
        return Content(text, note=note)
    return Content(_docx(archive) if kind == "docx" else _pptx(archive))


_FROM_TEXT: dict[str, Callable[[str], tuple[str, str]]] = {
    "markdown": lambda text: (text, ""),
    "text": lambda text: (text, ""),
    "csv": lambda text: (csv_text(text), ""),
    "json": json_text,
    "jsonl": jsonl_text,
}


def _damage(count: int) -> str:
    return f"{count} damaged characters stand as U+FFFD"


def _html(data: bytes) -> Content:
    """The main part of a web page as Markdown."""
    import bs4
    import markdownify

    declared = _CHARSET.search(data[:4096])
    decoded = decode(data, declared=declared[1].decode("ascii") if declared else "")
    soup = bs4.BeautifulSoup(decoded.text, "lxml")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    hidden = [*soup.find_all(hidden=True), *soup.find_all(role="navigation")]
    for element in [*soup.find_all(_is_around), *hidden]:
        element.decompose()
    for link in soup.find_all("a"):
        if not str(link.get("href", "")).startswith(("http://", "https://")):
            link.unwrap()
    mains = soup.find_all("main") or soup.find_all("article")
    body = mains[0] if len(mains) == 1 else soup.body or soup
    if body.find("h1") is None and title:
        heading = soup.new_tag("h1")
        heading.string = title
        body.insert(0, heading)
    options: dict[str, Any] = {"heading_style": "atx", **_MARKDOWN}
    try:
        text = markdownify.MarkdownConverter(**options).convert_soup(body)
        note = ""
    except RecursionError:
        text = body.get_text("\n", strip=True)
        note = "nested too deeply for headings; plain text taken"
    if decoded.damaged:
        note = "; ".join(filter(None, (_damage(decoded.damaged), note)))
    return Content(_tidied(text), decoded.encoding, note)


def _is_around(element: Any) -> bool:
    return _AROUND.fullmatch(element.name) is not None


def _office(kind: str, data: bytes, bounds: Bounds) -> Archive:
    """The zip an Office file is.

    Raises:
        ReadError: it is encrypted, of another type, or damaged.
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise ReadError(f"encrypted {kind.upper()}", remedy="remove the password")
        raise ReadError(f"old Office format named .{kind}", remedy=f"save it as .{kind}")
    if not data.startswith(b"PK"):
        found = looks_like(data) or "something else"
        raise ReadError(f"no {kind.upper()}: it is {found}", remedy=f"save it again as .{kind}")
    return Archive(io.BytesIO(data), bounds)


def _docx(archive: Archive) -> str:
    from markitdown import StreamInfo
    from markitdown.converters import DocxConverter

    result = DocxConverter().convert(
        _slim(archive), StreamInfo(extension=".docx"), style_map=_DOCX_STYLES, **_MARKDOWN
    )
    return _tidied(_FOOTNOTE_BACK.sub("", _FOOTNOTE.sub(r"（注\1）", result.markdown)))


def _pptx(archive: Archive) -> str:
    """Slides with their titles as headings: the first one's is the title of the whole."""
    from markitdown import StreamInfo
    from markitdown.converters import PptxConverter

    text = (
        PptxConverter().convert(_slim(archive), StreamInfo(extension=".pptx"), **_MARKDOWN).markdown
    )
    text = _NOTES.sub("备注：", _SLIDE.sub("", text))
    first = _SLIDE_TITLE.search(text)
    if first:
        text = text[: first.end()] + _SLIDE_TITLE.sub("## ", text[first.end() :])
    return _tidied(text)


def _slim(archive: Archive) -> io.BytesIO:
    """An Office file without its pictures and embedded files: a document of 60 MB is 1 MB text.

    Every part is inflated here once, counted, so that what opens the result meets no bomb.
    """
    slim = io.BytesIO()
    seen: set[str] = set()
    with zipfile.ZipFile(slim, "w") as target:
        for info in archive.infos():
            if info.filename in seen:
                continue
            seen.add(info.filename)
            bulk = _BULK.search(info.filename)
            target.writestr(info.filename, _PICTURE if bulk else archive.content(info))
    slim.seek(0)
    return slim


def _tidied(markdown: str) -> str:
    """Markdown without pictures, links within the file, and runs of blank lines."""
    text = _LOCAL_LINK.sub(r"\1", _IMAGE.sub("", markdown))
    return _BLANK_LINES.sub("\n\n", text).strip()
