"""Pages: the text layer of a PDF, without what repeats at the edges of its pages."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from copilot.errors import ReadError

# Lines at either end of a page that may be running heads, and when they are: on so many pages, and
# on this share of them (even and odd pages often differ).
_EDGE, _PAGES, _SHARE, _LONGEST = 2, 3, 0.4, 80
# A number that stands alone, or beside the running head: 12, - 12 -, 第12页, 12/30, Page 12 of 30.
_NUMBER = (
    r"[-–—·|\s]*(?:第|page|p\.)?\s*(\d{1,4})\s*页?(?:\s*(?:/|of|，?\s*共)\s*\d{1,4}\s*页?)?"
    r"[-–—·|\s]*"
)
_PAGE_NUMBER = re.compile(_NUMBER, re.IGNORECASE)
_NUMBER_BEFORE = re.compile(rf"^{_NUMBER}(?<=[|\s])", re.IGNORECASE)
_NUMBER_BEHIND = re.compile(rf"(?<=[|\s]){_NUMBER}$", re.IGNORECASE)
# pdfium joins the halves of a word divided at a line's end by one of these.
_DIVIDED = re.compile("[\ufffe\x02]")
_NO_CHARACTER = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")
# Above this share the fonts carry no Unicode and the text is noise.
_UNREADABLE = 0.2
_HEADING_LEVELS = 6


def pdf_text(data: bytes) -> tuple[str, str, str]:
    """The text of a PDF page by page, its outline's titles as headings; no encoding; a note.

    Raises:
        ReadError: it is no PDF, encrypted, damaged, or has no readable text layer.
    """
    import pypdfium2  # type: ignore[import-untyped]

    if b"%PDF-" not in data[:1024]:
        raise ReadError("no PDF: its header is missing", remedy="save or print it as PDF again")
    try:
        document = pypdfium2.PdfDocument(data)
        pages = [_page(page) for page in document]
        outline = _outline(document)
        document.close()
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise ReadError("encrypted PDF", remedy="remove the password") from error
        raise ReadError(f"damaged PDF ({error})", remedy="save or print it as PDF again") from error
    lines = without_running_heads(pages)
    blank = sum(not page for page in pages)
    for page, titles in outline.items():
        if page < len(lines):
            lines[page] = [_headed(line, titles) for line in lines[page]]
    text = "\n".join(line for page in lines for line in page)
    if not any(char.isalnum() for char in text):
        raise ReadError("no text layer (scanned)", remedy="run OCR")
    if len(_NO_CHARACTER.findall(text)) > _UNREADABLE * len(text):
        raise ReadError("text layer without Unicode", remedy="run OCR, or save it as PDF again")
    return text, "", f"{blank} of {len(pages)} pages have no text; run OCR" if blank else ""


def without_running_heads(pages: list[list[str]]) -> list[list[str]]:
    """The lines of each page but for page numbers and what repeats at its top and bottom."""
    written = sum(bool(page) for page in pages)
    counts = Counter(
        key
        for number, page in enumerate(pages)
        for key in {_key(line, number) for place, line in enumerate(page) if _edge(place, page)}
    )
    running = {key for key, count in counts.items() if count >= max(_PAGES, _SHARE * written)}
    return [
        [
            line
            for place, line in enumerate(page)
            if not (_edge(place, page) and _key(line, number) in running)
        ]
        for number, page in enumerate(pages)
    ]


def _edge(place: int, page: list[str]) -> bool:
    return place < _EDGE or place >= len(page) - _EDGE


def _key(line: str, page: int) -> str:
    """What a running head has in common on all its pages: its text, and how far its page number is
    ahead of the page. A number that does not count the pages is no page number."""
    if len(line) > _LONGEST:
        return line
    if alone := _PAGE_NUMBER.fullmatch(line):
        return f"#{int(alone[1]) - page}"
    beside = _NUMBER_BEFORE.search(line) or _NUMBER_BEHIND.search(line)
    if not beside:
        return line
    rest = line[: beside.start()] + line[beside.end() :]
    return f"{rest.strip()}#{int(beside[1]) - page}"


def _page(page: Any) -> list[str]:
    """The lines of one page that have text; the page is closed, which frees what it took."""
    layer = page.get_textpage()
    text = _DIVIDED.sub("", layer.get_text_bounded())
    layer.close()
    page.close()
    return [line.strip() for line in text.splitlines() if line.strip()]


def _outline(document: Any) -> dict[int, dict[str, int]]:
    """Page (from 0) -> its titles in the outline, without blanks -> their level (from 1)."""
    found: dict[int, dict[str, int]] = {}
    for mark in document.get_toc():
        place = mark.get_dest()
        title = "".join(mark.get_title().split())
        if place is not None and title:
            level = min(mark.level + 1, _HEADING_LEVELS)
            found.setdefault(place.get_index(), {}).setdefault(title, level)
    return found


def _headed(line: str, titles: dict[str, int]) -> str:
    level = titles.get("".join(line.split()))
    return f"\n{'#' * level} {line}\n" if level else line
