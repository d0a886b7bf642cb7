"""Lost characters: which one stood in a place, told from its neighbours or not at all."""

from __future__ import annotations

from copilot.playbook.wording import Wording, bond, fold

# The best character must fit this many times better than any other that is possible...
MARGIN = 5.0
# ... and, where another forms a word at least as common, must have been seen here this often.
OFTEN = 3
# Told by the word it forms with what follows, it must be so much more common than others (grades).
GRADES = 2

STOP = "。"
# What no clause ends with.
_WITHIN = frozenset("，、；：,;:（(《“ ")
# What may follow the last character of a clause.
_ENDING = frozenset('。，、；：？！,.;:?!)）”"\n')


def tell(wording: Wording, before: str, options: tuple[str, ...], after: str, beyond: str) -> str:
    """The character that stood between its neighbours, or `?` when they do not tell it.

    Args:
        before, after, beyond: the character before and the two behind, folded; empty if not known.
        options: what the byte that is left can be half of.
    """
    folded = dict.fromkeys(fold(option) for option in options)
    chosen = _chosen(wording, before, list(folded), after, beyond)
    written = [option for option in options if fold(option) == chosen]
    return written[0] if len(written) == 1 else "?"


def _chosen(wording: Wording, before: str, options: list[str], after: str, beyond: str) -> str:
    # A character behind a cut belongs to what follows it (。|活动) or to the lost one, whichever
    # word is the more common (危机 in 定|危机|处理, where 机处 is hardly one).
    seen = wording.count(after, beyond)
    attached = max(bond(after, beyond), min(seen + 1, 3) if seen else 0) if beyond else 3
    words = {char: grade for char in options if (grade := bond(char, after)) >= max(1, attached)}
    torn = any(grade > attached for grade in words.values())
    possible = [
        char
        for char in options
        if char != STOP
        and ((torn and char in words) or bond(before, char) or wording.count(before, char))
    ]
    if STOP in options and not words and before not in _WITHIN and after not in _ENDING:
        possible.append(STOP)
    if after in _ENDING:
        after = ""  # any word can end a clause
    ranked = sorted(possible, key=lambda char: -wording.fit(before, char, after))
    if not ranked:
        return ""
    best, others = ranked[0], ranked[1:]
    if best == STOP and not others:
        return best
    if wording.count(before, best):
        return best if _told(wording, before, best, after, others) else ""
    return _by_word(wording, before, words) if torn else ""


def _told(wording: Wording, before: str, best: str, after: str, others: list[str]) -> bool:
    """Whether a character that was seen here before leaves no doubt."""
    seen = wording.count(before, best)
    fit = wording.fit(before, best, after)
    if any(fit < MARGIN * wording.fit(before, other, after) for other in others):
        return False
    if best == STOP:
        return True
    grade = bond(before, best)
    if seen < OFTEN and any(bond(before, other) >= max(grade, 1) for other in others):
        return False
    return grade > 0 or not after or wording.count(best, after) > 0


def _by_word(wording: Wording, before: str, words: dict[str, int]) -> str:
    """The character that forms by far the most common word with what follows, if any does."""
    ranked = sorted(words, key=lambda char: -words[char])
    if not ranked or words[ranked[0]] < GRADES:
        return ""
    second = words[ranked[1]] if len(ranked) > 1 else 0
    seen = any(wording.count(before, char) for char in words)
    return ranked[0] if words[ranked[0]] - second >= GRADES and not seen else ""
