"""Boilerplate: what a site or a printer put around a text, found by place, repetition and shape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from copilot.playbook import layout
from copilot.playbook.structure import Outline
from copilot.playbook.wording import fold

# A line goes when this much speaks against it (see `_score`). Where nothing proves that a line lies
# outside the text, more must speak, since a playbook writes about downloads and members itself.
ENOUGH = 4.0
# What lines at an edge that speak of a site must have in all beyond half of that each, and how many
# weaker ones may stand between those that go.
TOGETHER, WEAK = 2.0, 3
# Lines looked at on either side where nothing proves where the text begins and ends, and the
# largest share of the text that may go so.
LINES, SHARE = 30, 0.3
# No site says more than this in one line; a text without line breaks does.
LONGEST = 400
# Pairs of characters that the text never uses, as a share of a line's pairs, and how long a text
# must be for that to mean anything.
NOVEL, TELLING = 0.7, 2000
# Pages that must agree on a running head; numbered lines of one stem that are no chance.
PAGES, STEM = 3, 3
# Characters on half the pages at least, and the share of a text that may be page furniture: between
# the numbers of a list there is less, and a text of nothing but one line is not its running head.
PAGE, FURNITURE = 100, 0.4

# What sites say of themselves (worth 2), what seldom stands in a text on its own (1), and everyday
# words (0.5). Folded to simplified; none of them decides alone.
_CERTAIN = re.compile(
    "本站|本网站|版权所有|上传者|温馨提示|未经.{0,6}(?:许可|同意|授权)|返回顶部|相关推荐|热门推荐|为您推荐|备案号|ICP备|下载本|提交评论|"
    "发表评论|阅读全文|猜你喜欢|all rights reserved|^目录$",
    re.IGNORECASE,
)
_STRONG = re.compile(
    "本文档|本资源|版权|著作权|侵权|举报|转载|免责|文库|文档简介|所有人同意|客服|预览|推荐|上一篇|下一篇|"
    "分享到|剩余|还剩|未读|copyright|©|www\\.|cookie",
    re.IGNORECASE,
)
_WEAK = re.compile(
    "下载|上传|VIP|会员|登录|注册|评论|收藏|免费|阅读|广告|网站|网页|首页|点赞|分享|download|login|"
    "sign in|share",
    re.IGNORECASE,
)
_COUNTER = re.compile(
    r"^[\W\d]*\d[\W\d]*$|\d\s*(?:KB|MB|GB|页|頁|次|金币|积分|分钟前)\b|\.(?:docx?|pdf|pptx?|xlsx?|zip)\b",
    re.IGNORECASE,
)
_MENU = re.compile(r"\S\s*(?:[|｜·>»/]|\s{2})\s*\S")
_PAGE_LINE = re.compile(
    r"^\s*(?:第\s*)?(?:[-—–~]\s*|Page\s+|P\.?\s*)?(\d{1,4})"
    r"(?:\s*[-—–~]|\s*[页頁]|\s*(?:/|of)\s*\d{1,4})?(?:\s*[,，/／]?\s*共\s*\d{1,4}\s*[页頁])?\s*$",
    re.IGNORECASE,
)
_STEM_PAGE = re.compile(r"#\s*[页頁]|#\s*/\s*#|\bpage\s*#", re.IGNORECASE)
_STEM_TAIL = re.compile(r"[\s_\-—(（]*第?#+[页頁]?[)）]?(?:[\s/／,，]*共?#+[页頁])?$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank: where it stands and what it says, blanks around it taken off."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Edges:
    """The lines to drop at both ends, and the title that numbered ones repeat."""

    dropped: tuple[Line, ...] = ()
    title: str = ""


def edges(text: str, outline: Outline, titles: Sequence[str]) -> Edges:
    """Find the lines around a text that are not its author's.

    Args:
        outline: what stands before its contents and behind its end lies outside the text; without
            them only lines before the first heading and behind the last one are looked at.
        titles: the titles known so far; a line that only repeats one goes.
    """
    head, tail = outline.head, outline.tail
    begin, end = (0, len(text))
    if outline.headings:
        begin, end = outline.headings[-1].end, outline.headings[0].start
    first = list(lines(text, 0, head) if outline.body else lines(text, 0, end, LINES))
    stems = _stems(first, proved=bool(outline.body))
    title = next((name for stem in stems.values() if (name := _STEM_TAIL.sub("", stem))), "")
    known = {_key(name) for name in (*titles, title) if name}
    judge = _Judge(text, outline.body, tail, known)
    dropped: list[Line] = []
    if outline.body:
        dropped += judge.outside(reversed(first), stems)
    else:
        dropped += judge.edge(first, stems)
    if tail is not None:
        dropped += judge.outside(lines(text, tail, len(text)), {})
    else:
        last = _last_lines(text, begin)
        dropped += judge.edge(list(reversed(last)), _stems(last, proved=False))
    found = sorted(set(dropped), key=lambda line: line.start)
    proved = [
        line
        for line in found
        if (outline.body and line.end <= head) or (tail is not None and line.start >= tail)
    ]
    if sum(len(line.text) for line in found if line not in proved) > SHARE * len(text):
        found = proved
    return Edges(tuple(found), title)


def lines(text: str, start: int, end: int, most: int = 0) -> Iterator[Line]:
    """The lines between two positions that are not blank, at most a number of them."""
    count = 0
    position = start
    while position < end and not (most and count >= most):
        stop = text.find("\n", position, end)
        stop = end if stop < 0 else stop
        body = text[position:stop]
        if stripped := body.strip():
            count += 1
            begin = position + body.find(stripped[0])
            yield Line(begin, begin + len(stripped), stripped)
        position = stop + 1


def same(line: str, title: str) -> bool:
    """Whether a line says nothing but the title."""
    return title in line and len(line) < 2 * len(title) + 20 and _key(line) == _key(title)


def furniture(text: str) -> tuple[str, tuple[str, ...]]:
    """Take page numbers and running heads off a text that was printed on pages.

    Pages end at form feeds, or at lines that hold nothing but a page number, each one higher than
    the one before. A running head stands at the edge of half the pages and more.

    Returns:
        the text in one piece, and what was taken off, each line once.
    """
    pages, numbers = _pages(text)
    if len(pages) < PAGES:
        return text.replace("\f", "\n"), ()
    heads = Counter(stem for page in pages for stem in {_stem(line) for line in _page_edges(page)})
    running = {stem for stem, count in heads.items() if count >= max(PAGES, len(pages) / 2)}
    dropped: dict[str, None] = dict.fromkeys(numbers)
    joined: list[str] = []
    for page in pages:
        kept = page
        for line in _page_edges(page):
            if _stem(line) in running or (_PAGE_LINE.match(line) and "\f" in text):
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
    if len(whole) < (1 - FURNITURE) * len(text.replace("\f", "").strip()):
        return text.replace("\f", "\n"), ()
    return whole, tuple(dropped)


class _Judge:
    """Weighs lines against the vocabulary and the titles of one text."""

    def __init__(self, text: str, body: int, tail: int | None, titles: set[str]) -> None:
        self._text = text
        self._span = (body, len(text) if tail is None else tail)
        self._titles = titles
        self._pairs: set[tuple[str, str]] | None = None

    def outside(self, zone: Iterable[Line], stems: dict[Line, str]) -> Iterator[Line]:
        """The lines to drop of those proved to lie outside, nearest to the text first."""
        beyond = 0
        for line in zone:
            if self._score(line, stems) + 2 + beyond >= ENOUGH:
                beyond = 1
                yield line

    def edge(self, zone: Sequence[Line], stems: dict[Line, str]) -> Sequence[Line]:
        """The lines to drop from an edge inwards: up to the last of those that must go.

        Several that each say a little of a site go together; behind those that must go a little
        less is enough; a few in a row may be weaker still.
        """
        last = weak = 0
        weight = 0.0
        for count, line in enumerate(zone, start=1):
            score = self._score(line, stems) + bool(last)
            if _cues(fold(line.text[:LONGEST])) >= 1:
                weight += score - ENOUGH / 2
            if score >= ENOUGH or weight >= TOGETHER:
                last, weak, weight = count, 0, 0.0
            elif score < ENOUGH / 2 or weak == WEAK:
                break
            else:
                weak += 1
        return zone[:last]

    def _score(self, line: Line, stems: dict[Line, str]) -> float:
        """What speaks against a line: repetition, cue words, shape, and words the text never uses.

        4 for a numbered stem repeated or a title said again; up to 3 for words that sites use;
        2 for a counter or file name; 1 each for being short without ending a sentence, for a menu
        of short items, and for an unknown vocabulary.
        """
        if len(line.text) > LONGEST:
            return 0.0
        said = fold(line.text)
        if line in stems or _key(line.text) in self._titles:
            return ENOUGH
        score = min(3.0, _cues(said))
        score += 2 * bool(_COUNTER.search(said))
        score += len(said) <= 40 and not layout.ends_sentence(said)
        score += len(said) <= 60 and len(_MENU.findall(said)) >= 2
        return score + self._novel(said)

    def _novel(self, said: str) -> bool:
        start, end = self._span
        if end - start < TELLING:
            return False
        if self._pairs is None:
            self._pairs = set(pairwise(fold(self._text[start : min(end, start + 200_000)])))
        pairs = list(pairwise(said))
        return sum(pair not in self._pairs for pair in pairs) >= NOVEL * max(1, len(pairs))


def _cues(said: str) -> float:
    """What the different words in a folded line are worth that sites use of themselves."""
    weights = ((_CERTAIN, 2.0), (_STRONG, 1.0), (_WEAK, 0.5))
    return sum(weight * len(set(pattern.findall(said))) for pattern, weight in weights)


def _stems(zone: Sequence[Line], *, proved: bool) -> dict[Line, str]:
    """The lines that say the same but for a number that counts up, three in a row at least.

    Args:
        proved: whether they lie outside the text; else the number must be one of a page, since
            three weeks or three tasks may also be listed so.
    """
    counted = _STEM_TAIL if proved else _STEM_PAGE
    found: dict[Line, str] = {}
    run: list[Line] = []
    for line in [*zone, Line(0, 0, "")]:
        stem = _stem(line.text)
        if run and _stem(run[-1].text) == stem and _counts_on(run[-1].text, line.text):
            run.append(line)
            continue
        if len(run) >= STEM:
            found.update((each, _stem(each.text)) for each in run)
        # The number of a list item says nothing: `1. …` and `2. …` may well say the same.
        page = counted.search(stem) and not layout.is_special(line.text)
        run = [line] if page and len(stem.strip("# ")) >= STEM else []
    return found


def _counts_on(before: str, after: str) -> bool:
    values = zip(re.findall(r"\d+", before), re.findall(r"\d+", after), strict=False)
    return any(int(b) == int(a) + 1 for a, b in values)


def _stem(line: str) -> str:
    return re.sub(r"\d+", "#", line.strip()[:200])


def _key(line: str) -> str:
    """A title without blanks and marks, for comparison."""
    return re.sub(r"[\W_]+", "", fold(line)).lower()


def _last_lines(text: str, begin: int) -> list[Line]:
    """The last lines behind a position that are not blank, at most LINES of them, in order."""
    end, found = len(text), 0
    while end > begin and found < LINES:
        start = max(begin, text.rfind("\n", begin, end) + 1)
        found += bool(text[start:end].strip())
        end = start - 1
    return list(lines(text, max(end, begin), len(text)))


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
