"""Pages: the text layer of a PDF, without what repeats at the edges of its pages."""

from __future__ import annotations

import re
from collections import Counter

from copilot.errors import ReadError

# Lines at either end of a page that may be running heads, and when they are: on so many pages, and
# on this share of them (even and odd pages often differ).
_EDGE, _PAGES, _SHARE = 2, 3, 0.4
# A number that stands alone, or beside the running head: 12, - 12 -, 第12页, 12 / 30, Page 12 of 30.
_NUMBER = (
    r"[-–—·|\s]*(?:第|page|p\.)?\s*\d{1,4}\s*页?(?:\s*(?:/|of|，?\s*共)\s*\d{1,4}\s*页?)?[-–—·|\s]*"
)
_PAGE_NUMBER = re.compile(_NUMBER, re.IGNORECASE)
_NUMBER_BESIDE = re.compile(rf"^{_NUMBER}(?=[|\s])|(?<=[|\s]){_NUMBER}$", re.IGNORECASE)
# pdfium marks a hyphen at a line's end that divides a word; both halves belong together.
_DIVIDED = re.compile("[\ufffe\x02]\\s*")
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
    counts = Counter(key for page in pages for key in {_key(line) for line in _edges(page)})
    running = {
        key for key, count in counts.items() if count >= max(_PAGES, _SHARE * written)
    }
    kept = []
    for page in pages:
        head, tail = page[:_EDGE], page[max(_EDGE, len(page) - _EDGE) :]
        body = page[_EDGE : len(page) - len(tail)] if tail else []
        kept.append(
            [line for line in head if _key(line) not in running]
            + body
            + [line for line in tail if _key(line) not in running]
        )
    return kept


def _edges(page: list[str]) -> list[str]:
    return page[:_EDGE] + page[max(_EDGE, len(page) - _EDGE) :]


def _key(line: str) -> str:
    """A line without the page number it may carry; `#` for a page number alone."""
    if _PAGE_NUMBER.fullmatch(line):
        return "#"
    return _NUMBER_BESIDE.sub("", line).strip()


def _page(page: object) -> list[str]:
    """The lines of one page that have text; the page is closed, which frees what it took."""
    raise AssertionError(page)
