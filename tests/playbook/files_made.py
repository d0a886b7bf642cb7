"""Real files of every kind, made on the spot for the reading tests."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Sequence

import openpyxl
from pptx import Presentation
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

SENTENCE = "群里的人不爱说话时，先把大话题拆成人人能答的小问题，每天早上九点抛一个。"
TRADITIONAL = "群裡的人不愛說話時，先把大話題拆成人人能答的小問題，每天早上九點拋一個。"

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_STYLES = {"1": "heading 1", "2": "heading 2", "B1": "标题 1", "B2": "标题 2", "T": "Title"}
_MEBIBYTE = 1 << 20


def docx(body: str, pictures: Sequence[bytes] = ()) -> bytes:
    """A Word file around the paragraphs and tables of its body."""
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
        for key, name in _STYLES.items()
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_WORD}.document.main+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_DOCUMENT}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_DOCUMENT}/styles" Target="styles.xml"/></Relationships>',
        "word/styles.xml": f"<w:styles {_W}>{styles}</w:styles>",
        "word/document.xml": f"<w:document {_W}><w:body>{body}</w:body></w:document>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
        for number, picture in enumerate(pictures):
            archive.writestr(zipfile.ZipInfo(f"word/media/image{number}.png"), picture)
    return file.getvalue()


def paragraph(text: str, style: str = "") -> str:
    """One paragraph of a Word file; styles by their id in `_STYLES`."""
    chosen = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{chosen}<w:r><w:t>{text}</w:t></w:r></w:p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table of a Word file."""
    lines = (
        "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>"
        for row in rows
    )
    return f"<w:tbl>{''.join(lines)}</w:tbl>"


def slow_docx() -> bytes:
    """A Word file that takes some seconds: a thick book of half a million characters."""
    return docx("".join(paragraph(SENTENCE * 4) for _ in range(4000)))


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that nothing compresses."""
    return random.Random(seed).randbytes(size)


def pptx(slides: Sequence[tuple[str, str, str]]) -> bytes:
    """A presentation of slides with title, body and notes."""
    deck = Presentation()
    for title, body, notes in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    file = io.BytesIO()
    deck.save(file)
    return file.getvalue()


def xlsx(book: openpyxl.Workbook) -> bytes:
    """The bytes of a workbook."""
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def pdf(
    pages: Sequence[Sequence[str]],
    *,
    outline: Sequence[tuple[str, int, int]] = (),
    password: str | None = None,
) -> bytes:
    """A PDF with lines of text on each page.

    Args:
        pages: the lines of each page, top to bottom.
        outline: titles with the page (from 0) and the level (from 0) they stand on.
        password: what opens it.
    """
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    file = io.BytesIO()
    canvas = Canvas(file, encrypt=password)
    for number, lines in enumerate(pages):
        canvas.setFont("STSong-Light", 11)
        for title, page, level in outline:
            if page == number:
                canvas.bookmarkPage(title)
                canvas.addOutlineEntry(title, title, level)
        for place, line in enumerate(lines):
            canvas.drawString(60, 800 - 18 * place, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def scanned_pdf(pages: int = 1) -> bytes:
    """A PDF of pictures only."""
    file = io.BytesIO()
    canvas = Canvas(file)
    for _ in range(pages):
        canvas.rect(50, 50, 400, 600, fill=1)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A zip of members, names as they are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def raw_zip(
    members: Sequence[tuple[bytes, bytes, int]], *, method: int = 8, flags: int = 0
) -> bytes:
    """A zip written by hand, to say what no honest program says.

    Args:
        members: name, compressed data, declared size after inflating.
        method: compression method (8 is Deflate).
        flags: general purpose flags (1 encrypted, 0x800 UTF-8 name).
    """
    body = b""
    directory = b""
    for name, data, size in members:
        common = struct.pack(
            "<HHHHHIIIHH", 20, flags, method, 0, 33, 0, len(data), size, len(name), 0
        )
        directory += b"PK\x01\x02\x14\x03" + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        directory += name
        body += b"PK\x03\x04" + common + name + data
    counts = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + counts


def zeros(mebibytes: int) -> bytes:
    """Deflated zeros, 1 KB per MiB, made without deflating them all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(bytes(_MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return first * mebibytes + end
