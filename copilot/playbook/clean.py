"""Cleaning: a file's text into a document with sections, and a report of what was done to it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from copilot.playbook import boilerplate, layout, repair, structure
from copilot.playbook.front_matter import FrontMatter, take
from copilot.playbook.repair import Reason, Repair, Suspicion
from copilot.playbook.structure import Heading, Missing, Outline

# Tables of values and records: no headings, paragraphs or page furniture to look for.
DATA = frozenset({"csv", "tsv", "json", "jsonl"})

# A section this long that ends without a sentence end breaks off.
SENTENCES, LAST_LINE = 2, 10

_SITE = re.compile(
    r"\s*[-_|–—·]\s*[^-_|–—]{0,12}(?:网|網|文库|文庫|百科|论坛|論壇|博客|社区|豆丁|知乎|下载|下載|\.com|\.cn)\s*$"
)
_CONTENTS = re.compile(r"^(?:目\s*[录錄次]|(?:table of )?contents)$", re.IGNORECASE)
_DAMAGE: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    ("private-use character", re.compile("[\ue000-\uf8ff]+")),
    ("character lost", re.compile("\ufffd+|锟斤拷|(?<=[\u4e00-\u9fff])\\?(?=[\u4e00-\u9fff])")),
    (
        "stray character",
        re.compile("(?<=[\u4e00-\u9fff])[\u3041-\u306d\u306f-\u30fe\u3105-\u312f](?=[\u4e00-\u9fff])"),
    ),
)
_ASKING = re.compile("[吗嗎呢么麼什谁誰哪几幾吧啥何怎否]|多少|是不是|能不能|有没有|有沒有|好不好")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document under one heading.

    ``number`` is the heading's label (`2.3`, `一`, empty without one); ``path`` the titles from the
    top, its own last, without the document's title; ``text`` the body without headings, paragraphs
    divided by blank lines, list items and table rows on lines of their own.
    """

    number: str
    title: str
    path: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """What cleaning did: repaired, dropped, left but suspicious, promised but missing."""

    repaired: tuple[Repair, ...] = ()
    dropped: tuple[str, ...] = ()
    suspicious: tuple[Suspicion, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A cleaned file: its title, its sections in reading order, its front matter, and the report."""

    source: str
    title: str
    sections: tuple[Section, ...]
    report: CleaningReport = CleaningReport()
    meta: FrontMatter = FrontMatter()


@dataclass(frozen=True, slots=True)
class _Span:
    """A section with the place of its body in the repaired text."""

    start: int
    end: int
    number: str
    title: str
    path: tuple[str, ...]
    leaf: bool


@dataclass(slots=True)
class _Cuts:
    """Characters of the repaired text that go (dropped lines) or become paragraph ends (marks)."""

    spans: dict[int, tuple[int, str]] = field(default_factory=dict)  # start -> end, what instead

    def add(self, start: int, end: int, instead: str = "") -> None:
        self.spans[start] = (end, instead)

    def body(self, text: str, start: int, end: int) -> str:
        parts = []
        for begin, (stop, instead) in sorted(self._within(start, end)):
            parts += (text[start:begin], instead)
            start = max(start, stop)
        return "".join([*parts, text[start:end]])

    def _within(self, start: int, end: int) -> Iterator[tuple[int, tuple[int, str]]]:
        return ((begin, cut) for begin, cut in self.spans.items() if start <= begin < end)


def clean_document(source: str, text: str, *, kind: str) -> Document:
    """Clean the text of one file.

    Args:
        source: the file's name or path; its stem is the title when the text has none.
        text: the text as read. It must not have been normalised: NFKC turns damage that can be
            repaired (`⒖` is two bytes of GBK) into damage that cannot.
        kind: the file's kind (`md`, `txt`, `pdf`, `csv` …); `DATA` kinds stay as they are.

    Returns:
        The document. Sections hold the author's characters; nothing but blanks differs in text
        without damage. A text without headings is one section; an empty one has none.
    """
    text = layout.tidy(text)
    if kind.lower().lstrip(".") in DATA:
        body = text.strip("\n\f ")
        title = _stem(source)
        return Document(source, title, (Section("", title, (), body),) if body.strip() else ())
    meta, text, unread = take(text)
    text, furniture = boilerplate.furniture(text)
    mended = repair.mend(text)
    return _assemble(source, mended, meta, furniture, unread)


def _assemble(
    source: str, mended: repair.Mended, meta: FrontMatter, furniture: tuple[str, ...], unread: str
) -> Document:
    text = mended.text
    outline = structure.outline(text)
    top = _top(text, outline)
    said = meta.get("title")
    named = said if isinstance(said, str) else ""
    titles = [name for name in (named, top.title if top else "", outline.title) if name]
    edges = boilerplate.edges(
        text, head=outline.head, body=outline.body, tail=outline.tail, titles=titles
    )
    title = next((name for name in (*titles, edges.title) if name), "") or _stem(source)
    title = _SITE.sub("", title) or title
    ...
    raise AssertionError
