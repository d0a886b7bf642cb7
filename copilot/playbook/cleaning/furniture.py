"""Furniture: page numbers and running heads of a text that was printed on pages."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from copilot.playbook.cleaning import layout

# Pages that must agree on a running head.
PAGES = 3
# Characters on half the pages at least, and the share of a text that may be page furniture: between
# the numbers of a list there is less, and a text of nothing but one line is not its running head.
PAGE, SHARE = 100, 0.4

_PAGE_LINE = re.compile(
    r"^\s*(?:第\s*)?(?:[-—–~]\s*|Page\s+|P\.?\s*)?(\d{1,4})"
    r"(?:\s*[-—–~]|\s*[页頁]|\s*(?:/|of)\s*\d{1,4})?(?:\s*[,，/／]?\s*共\s*\d{1,4}\s*[页頁])?\s*$",
    re.IGNORECASE,
)


def stem(line: str) -> str:
    """A line with each number replaced by `#`: what numbered lines have in common."""
    return re.sub(r"\d+", "#", line.strip()[:200])


def strip(text: str) -> tuple[str, tuple[str, ...]]:
    """Take page numbers and running heads off a text that was printed on pages.

    Pages end at form feeds, or at lines that hold nothing but a page number, each one higher than
    the one before. A running head stands at the edge of half the pages and more.

    Returns:
        the text in one piece, and what was taken off, each line once.
    """
    pages, numbers = _pages(text)
    if len(pages) < PAGES:
        return text.replace("\f", "\n"), ()
    heads = Counter(head for page in pages for head in {stem(line) for line in _page_edges(page)})
    running = {head for head, count in heads.items() if count >= max(PAGES, len(pages) / 2)}
    dropped: dict[str, None] = dict.fromkeys(numbers)
    joined: list[str] = []
    for page in pages:
        kept = page
        for line in _page_edges(page):
            if stem(line) in running or (_PAGE_LINE.match(line) and "\f" in text):
                dropped[line.strip()] = None
                kept = _without(kept, line)
        while kept and not kept[0].strip():
            kept = kept[1:]
        while kept and not kept[-1].strip():
            kept = kept[:-1]
        if joined and kept and layout.ends_sentence(joined[-1]):
            joined.append("")
        joined += kept
    whole = "\n".join(joined)
    if len(whole) < (1 - SHARE) * len(text.replace("\f", "").strip()):
        return text.replace("\f", "\n"), ()
    return whole, tuple(dropped)


def _pages(text: str) -> tuple[list[list[str]], list[str]]:
    """The pages of a text as lines, and the lines with page numbers that divided them."""
    if text.count("\f") >= PAGES - 1:
        return [page.split("\n") for page in text.split("\f")], []
    every = text.replace("\f", "\n").split("\n")
    numbered = [
        (place, int(found[1]))
        for place, line in enumerate(every)
        if len(line) < 40 and (found := _PAGE_LINE.match(line))
    ]
    cuts = [place for place, _ in _counting(numbered, every)]
    pages = [every[start:end] for start, end in pairwise([0, *(cut + 1 for cut in cuts), None])]
    if sorted(sum(map(len, page)) for page in pages)[len(pages) // 2] < PAGE:
        return [every], []
    numbers = [every[cut].strip() for cut in cuts]
    return [page[:-1] if n < len(cuts) else page for n, page in enumerate(pages)], numbers


def _counting(numbered: list[tuple[int, int]], every: list[str]) -> list[tuple[int, int]]:
    """The longest run of number lines that count up by one with text between them."""
    best: list[tuple[int, int]] = []
    run: list[tuple[int, int]] = []
    for place, value in numbered:
        between = run and any(line.strip() for line in every[run[-1][0] + 1 : place])
        if run and value == run[-1][1] + 1 and between:
            run.append((place, value))
        else:
            run = [(place, value)]
        if len(run) > len(best):
            best = list(run)
    return best if len(best) >= PAGES else []


def _page_edges(page: list[str]) -> list[str]:
    """The first two and the last two lines of a page that are not blank."""
    filled = [line for line in page if line.strip() and len(line) < 80]
    return list(dict.fromkeys(filled[:2] + filled[-2:]))


def _without(page: list[str], line: str) -> list[str]:
    """The page without a line, at the edge where it stands."""
    place = page.index(line)
    if place > len(page) / 2:
        place = len(page) - 1 - page[::-1].index(line)
    return page[:place] + page[place + 1 :]
