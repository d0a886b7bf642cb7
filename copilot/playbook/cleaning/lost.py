"""Lost characters: which one stood in a place, told from its neighbours or not at all."""

from __future__ import annotations

import functools

from copilot.playbook.cleaning.wording import Wording, bond, fold

# The best character must fit this many times better than any other that is possible.
MARGIN = 5.0
# Told by the word it forms with what follows, it must be so much more common than others (grades).
GRADES = 2
# A rival that forms a word of this grade with the character before is not outdone by counts alone:
# 责任 seen thrice does not say that 负责_ was not 负责人.
RIVAL = 2

STOP = "。"
# What no clause ends with.
_WITHIN = frozenset("，、；：,;:（(《“ ")
# What may follow the last character of a clause.
_ENDING = frozenset('。，、；：？！,.;:?!)）”"\n')


def tell(wording: Wording, before: str, options: tuple[str, ...], after: str, beyond: str) -> str:
    """The character that stood between its neighbours, or `?` when they do not tell it.

    Args:
        before: the characters before, folded; two are used.
        options: what the byte that is left can be half of.
        after, beyond: the next two characters, folded; empty if not known.
    """
    folded = _folded(options)
    written = folded.get(_chosen(wording, before, tuple(folded), after, beyond), [])
    return written[0] if len(written) == 1 else "?"


@functools.lru_cache(maxsize=1024)
def _folded(options: tuple[str, ...]) -> dict[str, list[str]]:
    """The folded characters, each with those that fold to it."""
    found: dict[str, list[str]] = {}
    for option in options:
        found.setdefault(fold(option), []).append(option)
    return found


def _chosen(
    wording: Wording, before: str, options: tuple[str, ...], after: str, beyond: str
) -> str:
    # A character behind a cut belongs to what follows it (。|活动) or to the lost one, whichever
    # word is the more common (危机 in 定|危机|处理, where 机处 is hardly one).
    seen = wording.count(after, beyond)
    attached = max(bond(after, beyond), min(seen + 1, 3) if seen else 0) if beyond else 3
    words = {char: grade for char in options if (grade := bond(char, after)) >= max(1, attached)}
    torn = any(grade > attached for grade in words.values())
    last = before[-1:]
    possible = [
        char
        for char in options
        if char != STOP
        and ((torn and char in words) or bond(last, char) or wording.count(last, char))
    ]
    if STOP in options and not words and last not in _WITHIN and after not in _ENDING:
        possible.append(STOP)
    if after in _ENDING:
        after = ""  # any word can end a clause
    ranked = sorted(possible, key=lambda char: -wording.fit(last, char, after))
    if not ranked:
        return ""
    best, others = ranked[0], ranked[1:]
    if best == STOP and not others:
        return best
    if wording.count(last, best):
        return best if _told(wording, before, best, after, others) else ""
    return _by_word(wording, last, words, attached) if torn else ""


def _told(wording: Wording, before: str, best: str, after: str, others: list[str]) -> bool:
    """Whether a character that was seen here before leaves no doubt."""
    last = before[-1:]
    fit = wording.fit(last, best, after)
    if any(fit < MARGIN * wording.fit(last, other, after) for other in others):
        return False
    rivals = [other for other in others if bond(last, other) >= RIVAL]
    if rivals:
        phrases = [before[-2:] + char for char in (best, *rivals)]
        first, *rest = [len(each) > 2 and wording.holds(each) for each in phrases]
        return first and not any(rest)
    return bool(best == STOP or bond(last, best) or not after or wording.count(best, after))


def _by_word(wording: Wording, last: str, words: dict[str, int], attached: int) -> str:
    """The character that forms by far the most common word with what follows, if any does."""
    ranked = sorted(words, key=lambda char: -words[char])
    rival = max([attached, *(words[char] for char in ranked[1:])])
    clear = words[ranked[0]] - rival >= GRADES
    return ranked[0] if clear and not any(wording.count(last, char) for char in words) else ""
