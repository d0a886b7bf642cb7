"""Where a sentence ends within a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ITEM = re.compile(
    r"\s*(?:[-*+•●▪·]\s+|#{1,6}\s|\||[①-⑳]|[0-9]{1,3}[.)）](?![0-9])|[0-9]{1,2}、"
    r"|[（(](?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})[)）]|[一二三四五六七八九十]{1,3}、)"
)
# A list item is one unit up to here; a longer one is a paragraph that happens to be numbered.
_ITEM_LIMIT = 200
_CLOSING = dict(zip('“‘"「『《〈（(【[', '”’"」』》〉）)】]', strict=True))
_QUOTES = frozenset('“‘"「『')
# An opening mark without its closing one this near is taken as ordinary text.
_ENCLOSED_LIMIT = 200
# What may follow the end and belongs to it; not the straight quote, which may as well open.
_TRAILING = frozenset("”’」』》〉）)】]")
_STOPS = frozenset("。！？!?.")
_ABBREVIATION = re.compile(
    r"(?:^|[^a-z])(?:[a-z]|e\.g|i\.e|etc|vs|mr|mrs|ms|dr|prof|inc|ltd|co|no|fig|approx|dept)\.$",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def divide(line: str) -> Iterator[str]:
    """Divide a line into its sentences; see `copilot.language.segment.sentences` for the rules.

    Args:
        line: a text without line ends.

    Yields:
        Pieces that joined are the line again.
    """
    item = _ITEM.match(line)
    if item and len(line) <= _ITEM_LIMIT:
        yield line
        return
    start = 0
    position = item.end() if item else 0
    while position < len(line):
        after = _after_enclosed(line, position)
        if after > position:
            ended = _ends_with_quotation(line, start, position, after)
            position = after
        else:
            ended = _ends(line, start, position)
            position += 1
        if ended:
            position = _after_trailing(line, start, position)
            # What says nothing by itself (a smile, a wave) belongs to the sentence before it.
            if _WORD.search(line, position):
                yield line[start:position]
                start = position
            else:
                break
    yield line[start:]


def _after_enclosed(line: str, position: int) -> int:
    """The position after the mark that closes the one here; ``position`` itself when none does."""
    closing = _CLOSING.get(line[position])
    if closing is None:
        return position
    end = line.find(closing, position + 1, position + _ENCLOSED_LIMIT)
    return position if end < 0 else end + 1


def _ends_with_quotation(line: str, start: int, opening: int, after: int) -> bool:
    """Whether the sentence ends with the quotation that ``opening`` begins.

    A whole quotation does (他说：“好。”); one inside a sentence does not (当成员问“怎么退款？”时).
    """
    if line[opening] not in _QUOTES or line[after - 2] not in _STOPS:
        return False
    before = line[start:opening].rstrip()
    return not before or before[-1] in "：:，," or line[after - 2] == "。"


def _ends(line: str, start: int, position: int) -> bool:
    """Whether the sentence from ``start`` ends with the character at ``position``."""
    char, following = line[position], line[position + 1 : position + 2]
    if char == "…":
        return following.isspace()
    if char not in _STOPS or following in _STOPS:
        return False
    if not following or char in "。！？":
        return True
    if char in "!?":
        # Not inside an address (/?q=1) or an expression (a!=b).
        return not (following.isascii() and (following.isalnum() or following in "=&/"))
    return _ends_with_dot(line[start : position + 1], following)


def _ends_with_dot(sentence: str, following: str) -> bool:
    if not following.isspace() and following not in _TRAILING:
        # 写完.然后: between Chinese characters it is a full stop that lost its width.
        return bool(_HAN.match(sentence[-2:-1]) and _HAN.match(following))
    return not (re.fullmatch(r"\s*[0-9]{1,3}\.", sentence) or _ABBREVIATION.search(sentence))


def _after_trailing(line: str, start: int, position: int) -> int:
    """Take along what closes after the end: marks, and bold that was opened in the sentence."""
    while position < len(line):
        if line[position] in _TRAILING:
            position += 1
        elif line.startswith("**", position) and line.count("**", start, position) % 2:
            position += 2
        else:
            break
    return position
