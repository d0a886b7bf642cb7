"""Boilerplate: what a site put around a text, found by place, repetition and shape."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from copilot.playbook.cleaning import layout
from copilot.playbook.cleaning.furniture import stem
from copilot.playbook.cleaning.structure import Outline
from copilot.playbook.cleaning.wording import fold

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
# Numbered lines of one stem that are no chance, and the least a stem says.
STEM = 3

# What sites say of themselves (worth 2), what seldom stands in a text on its own (1), and everyday
# words (0.5). Folded to simplified; none of them decides alone.
_CERTAIN = re.compile(
    "本站|本网站|版权所有|上传者|温馨提示|未经.{0,6}(?:许可|同意|授权)|返回顶部|相关推荐|热门推荐|"
    "为您推荐|备案号|ICP备|下载本|提交评论|发表评论|阅读全文|猜你喜欢|all rights reserved|^目录$",
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
    title = next((name for each in stems.values() if (name := _STEM_TAIL.sub("", each))), "")
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
        said = stem(line.text)
        if run and stem(run[-1].text) == said and _counts_on(run[-1].text, line.text):
            run.append(line)
            continue
        if len(run) >= STEM:
            found.update((each, stem(each.text)) for each in run)
        # The number of a list item says nothing: `1. …` and `2. …` may well say the same.
        page = counted.search(said) and not layout.is_special(line.text)
        run = [line] if page and len(said.strip("# ")) >= STEM else []
    return found


def _counts_on(before: str, after: str) -> bool:
    values = zip(re.findall(r"\d+", before), re.findall(r"\d+", after), strict=False)
    return any(int(b) == int(a) + 1 for a, b in values)


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
