"""Claims: what a question says in passing, held against what the evidence says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from copilot.language import segment
from copilot.language.figures import Figure, figures, stands
from copilot.playbook import cues

# All patterns read search forms (simplified, lower case, full width folded).
_STATEMENT = re.compile(r"[。;!?\n]+")
_SHORTEST = 4

# Words that narrow a claim down, turn it around or forbid: a playbook that means them has them.
_STRONG = re.compile(
    r"只能|只许|只要|只靠|只让|只[给留有]|仅|唯一|必须|一律|顶多|最多|不用|不让|不能|不许|不得|没权利|取消"
    r"|放弃|不需要|不必|无需|包圆|用不着|越[^,。?]{1,8}越|反而|反倒|倒是|全都|绝对|禁止|拒绝|最低|首要|先不"
    r"|不管|立刻|马上就|首选|才(?=算|能|进)|不再|从不|别"
)
_UP = re.compile(r"提升|提高|上升|增长|增加|涨|翻倍|扩大|变多|更多|多了|快了|加快|升")
_DOWN = re.compile(
    r"下降|降低|降到|下滑|减少|缩短|掉|下跌|压到|缩小|变少|更少|少了|慢了|跌|降|流失"
)
# Trades by which a case is known.
_TRADES = re.compile(
    r"母婴|美妆|护肤|化妆品|教育|知识付费|游戏|餐饮|咖啡|旅游|银行|保险|证券|奢侈品|电商|健身|读书|投资|理财"
    r"|金融|环保|汽车|医疗|房产|地产|科技|服装|宠物|农业|物流|酒店|航空|招聘|音乐|影视|新消费|珠宝|家居|家电"
)


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of a question's claims. Each can be told to a person.

    Attributes:
        unknown: 1 when a figure stands nowhere in the evidence.
        elsewhere: how far from the rest of the question the figures stand that are there (0–1).
        trades: houses and trades that the evidence does not know (0–2).
        strong: strong words that stand nowhere in the evidence (0–2).
        opposite: 1 when one says up and the other down.
        overlap: share of the question's pairs of characters in its nearest statement (0–1).
        supported: largest share of the question's content words that one statement holds (0–1);
            ``borne_out`` is 1 when one holds them all.
    """

    unknown: float
    elsewhere: float
    trades: float
    strong: float
    opposite: float
    overlap: float
    supported: float
    borne_out: float


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    figures: frozenset[str]
    pairs: frozenset[str]


def compare(form: str, passages: Sequence[str]) -> Compared:
    """Hold a question against passages.

    Args:
        form: the question; ``passages`` are what was found (all search forms).
    """
    statements = [each for text in passages for each in _statements(text)]
    evidence = "\n".join(passages)
    pairs = _pairs(form)
    nearest = max(statements, key=lambda each: _share(pairs, each), default=_NOTHING)
    overlap = _share(pairs, nearest)
    claimed = cues.claim(form)
    said = figures(claimed)
    held = frozenset(name for each in statements for name in each.figures)
    there = [figure for figure in said if stands(figure, held)]
    words = segment.content_words(form)
    supported = max((_holds(words, each.text) for each in statements), default=0.0)
    named = {*cues.houses(form), *_TRADES.findall(form)}
    return Compared(
        unknown=float(len(there) < len(said)),
        elsewhere=max((_away(each, statements, pairs, overlap) for each in there), default=0.0),
        trades=float(min(2, _missing(named, evidence))),
        strong=float(min(2, _missing(_STRONG.findall(form), evidence))),
        opposite=float(_opposite(claimed, nearest.text)),
        overlap=overlap,
        supported=supported,
        borne_out=float(supported == 1.0),
    )


_NOTHING = _Statement("", frozenset(), frozenset())


@lru_cache(maxsize=1024)
def _statements(text: str) -> tuple[_Statement, ...]:
    parts = (part.strip() for part in _STATEMENT.split(text))
    return tuple(
        _Statement(part, frozenset(figure.name for figure in figures(part)), _pairs(part))
        for part in parts
        if len(part) >= _SHORTEST
    )


def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(len(text) - 1))


def _share(pairs: frozenset[str], statement: _Statement) -> float:
    return len(pairs & statement.pairs) / max(1, len(pairs))


def _holds(words: Sequence[str], text: str) -> float:
    return sum(word in text for word in words) / max(1, len(words))


def _away(
    figure: Figure, statements: Sequence[_Statement], pairs: frozenset[str], overlap: float
) -> float:
    """How much less the statements that hold a figure share than the nearest one does (0–1)."""
    with_it = (_share(pairs, each) for each in statements if stands(figure, each.figures))
    return 1.0 - max(with_it, default=0.0) / overlap if overlap else 0.0


def _missing(words: Iterable[str], evidence: str) -> int:
    return sum(word not in evidence for word in words)


def _opposite(claimed: str, statement: str) -> bool:
    ways = bool(_UP.search(claimed)), bool(_DOWN.search(claimed))
    other = bool(_UP.search(statement)), bool(_DOWN.search(statement))
    return ways[0] != ways[1] and other[0] != other[1] and ways != other
