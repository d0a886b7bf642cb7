"""Questions: what one message asks, part by part, and whether it asks for a figure."""

from __future__ import annotations

import re

from copilot.language import normalize, segment

# At most so many parts are looked up; more are one question about many things.
MOST = 3

_ASKS = re.compile(
    r"[?吗嘛么]|怎|咋|如何|为什么|为啥|为何|凭啥|凭什么|什么|啥|哪|谁|几|多少|多久|多大|多长|多远"
    r"|是不是|有没有|能不能|可不可以|要不要|该不该|会不会|对不对|行不行|算不算|区别|对吧|是吧"
)
_FIGURE = re.compile(
    r"多少|几[成倍个人天年月周次名条家万千百块点度小分种]|第几|多久|多长时间|多大|多高|比例|占比|百分之|几%|几率"
)
# Where one question may end and the next begin: a sign that ends it, or a word that says so. A
# comma alone divides one question about one thing far more often (「留存多少，靠哪三样」).
_END = re.compile(r"(?<=[?？!！;；\n。])")
_WORDS = r"(?:另外|还有|顺便(?:问一下|问下|再问)?|再问一下|再问|再就是|以及)"
_COMMA = re.compile(rf"[,，、]\s*(?={_WORDS})")
_JOIN = re.compile(rf"^{_WORDS}[,，]?")
# How a clause ends that only makes sure before it asks, or that tells and does not ask.
_SURE = re.compile(r"(?:对吧|是吧|没错吧|对不对|对不|是不是|是吗|对吗)[?？]*\s*$|[。!！]\s*$")
# How a part begins that is about what was just asked.
_LEANS = re.compile(
    r"^(?:那|这|它|他|她|其|具体|然后|之后|后两|后面|前面|达不到|超了|为什么呢|为啥呢)"
)


def asks_figure(question: str) -> bool:
    """Whether the answer must hold a number (「留存多少」「几成」「多久」)."""
    return _FIGURE.search(normalize.search_form(question)) is not None


def parts(question: str) -> list[str]:
    """The questions in a message that can be looked up by themselves, in order.

    What is told before a question, or after the last, belongs to it. A part that could not stand
    alone (「预算呢？」, one
    that points back, or that has fewer than two content words) comes with the one before it.

    Returns:
        the message itself, alone, when it asks one thing or more than `MOST`.
    """
    asked: list[str] = []
    told = ""
    for sentence in _END.split(question):
        for clause in _clauses(sentence):
            if asked and not any(each.isalnum() for each in clause):
                # A second sign belongs to the question before it.
                asked[-1] += clause.strip()
                continue
            told += clause
            if _ASKS.search(normalize.search_form(clause)) and not _SURE.search(clause):
                asked.append(told.strip(" ,，;；\n"))
                told = ""
    if told.strip() and asked:
        asked[-1] += told.rstrip()
    if not 2 <= len(asked) <= MOST:
        return [question]
    whole = [_JOIN.sub("", asked[0])]
    for each in asked[1:]:
        part = _JOIN.sub("", each)
        alone = len(segment.content_words(part)) >= 2 and not _LEANS.match(part)
        whole.append(part if alone else f"{asked[0]} {part}")
    return whole


def _clauses(sentence: str) -> list[str]:
    """The sentence, divided where a word says that another question follows."""
    for comma in _COMMA.finditer(sentence):
        before, after = sentence[: comma.start()], sentence[comma.end() :]
        if all(_asks_alone(each) for each in (before, after)):
            return [before, *_clauses(after)]
    return [sentence]


def _asks_alone(clause: str) -> bool:
    form = normalize.search_form(clause)
    return _ASKS.search(form) is not None and len(segment.content_words(clause)) >= 2
