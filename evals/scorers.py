"""Scorers: what is right about hits and answers, as pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from copilot.language import normalize, segment
from evals.questions import Facts

_BLANK = re.compile(r"\s+")
_MARK = re.compile(r"\[(\d{1,3})\]")
# A mark after the sentence's end, a note in brackets between them at most: 甲。（000 Q2）[1]
_MARKS_LAST = re.compile(
    r"([。！？!?；;.]+[”」）)]*)((?:\s*[（(][^（）()]{1,80}[）)])*)((?:\s*\[\d{1,3}\])+)"
)
_ITEM = re.compile(r"^\s*(?:#{1,6}\s|[-*+•·]|\d{1,3}[.、)）]|[（(]\d{1,3}[)）]|[①-⑳])\s*")
_FIGURE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_SOURCE = re.compile(r"^\s*(?:来源|來源|Sources?)\s*(?:[：:]|\[\d)")
_WORD = re.compile(r"\w")


# Facts -------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """A text as facts are compared: search form, without blanks and emphasis."""
    return _BLANK.sub("", normalize.search_form(text)).replace("**", "")


def says(text: str, wording: str) -> bool:
    """Whether a text (already `plain`) holds a wording.

    A figure counts only where no digit stands before it, so that 5% is not in 25%, nor in 0.5%.
    """
    wanted = plain(wording)
    if not wanted[:1].isdigit():
        return wanted in text
    return re.search(rf"(?<!\d)(?<!\d[.,]){re.escape(wanted)}", text) is not None


def held(texts: Iterable[str], facts: Facts) -> float:
    """Share of the facts that stand in the texts, each in any of its wordings (0–1)."""
    plains = [plain(text) for text in texts]
    found = [any(says(text, wording) for wording in fact for text in plains) for fact in facts]
    return sum(found) / len(found)


# Retrieval ---------------------------------------------------------------------------------------


def recall(texts: Sequence[str], facts: Facts, k: int) -> float:
    """1 when all facts stand in the first ``k`` hits together, else 0."""
    return float(held(texts[:k], facts) == 1.0)


def reciprocal_rank(hits: Sequence[Collection[str]], wanted: Collection[str]) -> float:
    """1 / rank of the first hit from a wanted place; 0 when none is.

    Args:
        hits: the places each hit holds, best first.
    """
    for rank, places in enumerate(hits, start=1):
        if not set(wanted).isdisjoint(places):
            return 1 / rank
    return 0.0


def ndcg(hits: Sequence[Collection[str]], wanted: Collection[str], k: int) -> float:
    """Discounted gain of the wanted places over the best possible one, within ``k`` hits.

    A place counts where it first comes up: several passages of one section are one find. Binary
    gains, log2 discount (Järvelin and Kekäläinen 2002).
    """
    left = set(wanted)
    gain = 0.0
    for rank, places in enumerate(hits[:k], start=1):
        found = left.intersection(places)
        if found:
            gain += 1 / math.log2(rank + 1)
            left -= found
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(set(wanted)), k) + 1))
    return min(1.0, gain / ideal) if ideal else 0.0


# Answers -----------------------------------------------------------------------------------------


def body(text: str) -> str:
    """An answer without the lines that name its sources."""
    return "\n".join(line for line in text.split("\n") if not _SOURCE.match(line)).strip()


def statements(text: str) -> list[str]:
    """The statements of an answer's body, each with its marks ``[n]``.

    A list item is one statement, other lines are divided into sentences; a line that only leads in
    (it ends with a colon) states nothing.
    """
    found: list[str] = []
    for line in body(text).split("\n"):
        line = _MARKS_LAST.sub(lambda at: f"{at[2] or ''}{at[3]}{at[1]}", line.strip())
        if not _WORD.search(line) or _MARK.sub("", line).rstrip("* ").endswith(("：", ":")):
            continue
        found.extend([line] if _ITEM.match(line) else segment.sentences(line))
    return found


def cited(text: str, known: Collection[int]) -> float:
    """Share of the statements that carry a mark, all of whose marks are citations (0–1).

    Args:
        known: the numbers of the answer's citations.
    """
    found = statements(text)
    if not found:
        return 0.0
    marks = [[int(n) for n in _MARK.findall(statement)] for statement in found]
    return sum(bool(each) and set(each) <= set(known) for each in marks) / len(found)


def figures(text: str) -> set[str]:
    """The numbers of a text in one notation (full width folded, thousands separators dropped)."""
    return {number.replace(",", "") for number in _FIGURE.findall(normalize.search_form(text))}


def unsupported(text: str, passages: Mapping[int, str]) -> list[str]:
    """The numbers of an answer that stand in no passage that their statement cites.

    Ordinals of list items and the marks themselves are no numbers. A statement without marks is
    held against all cited passages.

    Args:
        passages: what each citation says (title, section, text), by its number.
    """
    missing: list[str] = []
    for statement in statements(text):
        marks = [int(n) for n in _MARK.findall(statement)]
        behind = [passages[n] for n in marks if n in passages] or list(passages.values())
        said = figures(_ITEM.sub("", _MARK.sub("", statement)))
        missing.extend(sorted(said - figures("\n".join(behind))))
    return missing


def length(text: str) -> int:
    """Characters of an answer's body without marks and blanks."""
    return len(_BLANK.sub("", _MARK.sub("", body(text))))
