"""Search tokens, content words and sentences of a text."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

from copilot.language import boundaries, normalize
from copilot.language.vocabulary import (
    Vocabulary,
    bundled_stop_words,
    bundled_terms,
    read_terms,
)

# Part of the fingerprint: raise it when a change here gives other tokens for the same text.
_RULES = "1"

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_LETTER = rf"[^\W_{_HAN}]"
# In search forms, so letters are lower case and digits ASCII. A number takes a unit of letters or a
# percent sign along (1.5w, 40%) when nothing alphanumeric follows: 1v1 and 7x24 are words.
_PIECE = re.compile(
    rf"(?P<han>[{_HAN}]+)"
    r"|(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
    rf"(?P<unit>[%‰]|[a-z]+)?(?!{_LETTER})"
    rf"|(?P<word>{_LETTER}+(?:[/&._+'’-]{_LETTER}+)*)"
)
_JOINER = re.compile("[/&._+'’-]+")
# Longer chains are paths and addresses, searched by their parts.
_CHAIN = 3


class _Token(NamedTuple):
    start: int
    end: int
    text: str
    content: bool


class Segmenter:
    """Divides text into search tokens and content words. Thread-safe once built (about 0.3 s)."""

    def __init__(self, dictionary_lines: Iterable[str] = ()) -> None:
        """Read the bundled dictionary and stop words, and add the given lines.

        Args:
            dictionary_lines: one term a line, as in `knowledge/dictionary.txt`; ``#`` begins a
                comment. A term is never a stop word, even when the bundled list has it.

        Raises:
            BadInput: a line is not a term; the message names it.
        """
        terms = dict.fromkeys([*bundled_terms(), *read_terms(dictionary_lines)])
        self._stop_words = bundled_stop_words().difference(terms)
        self._vocabulary = Vocabulary()
        with_chinese = [term for term in terms if re.search(f"[{_HAN}]", term)]
        chinese = [term for term in with_chinese if re.fullmatch(f"[{_HAN}]+", term)]
        self._vocabulary.add(chinese)
        self._mixed = _any_of(set(with_chinese).difference(chinese))
        facts = "\n".join([_RULES, *sorted(terms), "", *sorted(self._stop_words)])
        self.fingerprint = hashlib.sha256(facts.encode()).hexdigest()[:16]
        """Changes when tokens may change: an index made with another one must be made anew."""

    def words(self, text: str) -> list[str]:
        """The search tokens of a text, in reading order, repetitions kept.

        Chinese gives the words of jieba's search mode (each word, and the shorter words inside it)
        and the bigrams of its characters; where both give the same characters of the text, one
        token stands for both. Stop words give no token and no bigram reaches over them: measured on
        the playbook's asks, R@5 0.64 against 0.59 (docs/decisions/0002-language.md). Numbers are
        tokens of their own, and once more with their unit (``1.5w`` gives ``1.5`` and ``1.5w``).
        Latin words joined by a sign are tokens as written, closed up, and in parts (``gpt-4``:
        ``gpt-4``, ``gpt4``, ``gpt``, ``4``).

        Args:
            text: any string; its search form is taken here.
        """
        return [token.text for token in self._tokens(normalize.search_form(text))]

    def content_words(self, text: str) -> list[str]:
        """What a text is about: its informative words, each once, in order of appearance.

        Whole words only (no bigrams, no words inside words), without stop words; each is among
        ``words`` of the same text, and as it stands in the search form of that text (numbers
        without their thousands separators). Terms of the dictionary stay whole, also mixed ones
        (``z世代``).

        Args:
            text: any string; its search form is taken here.
        """
        form = normalize.search_form(text)
        content = (token.text for token in self._tokens(form) if token.content)
        return list(dict.fromkeys(content))

    def _tokens(self, form: str) -> list[_Token]:
        tokens: list[_Token] = []
        whole = [match.span() for match in self._mixed.finditer(form)]
        for start, end in whole:
            tokens.extend(_spellings(form[start:end], start))
        for piece in _PIECE.finditer(form):
            found = self._piece(piece)
            if not whole:
                tokens.extend(found)
                continue
            for token in found:
                tokens.append(token._replace(content=False) if _inside(token, whole) else token)
        tokens.sort(key=lambda token: token[:2])
        return tokens

    def _piece(self, piece: re.Match[str]) -> Iterator[_Token]:
        start, end = piece.span()
        if piece["han"]:
            yield from self._chinese(piece["han"], start)
        elif piece["number"]:
            number, unit = piece["number"].replace(",", ""), piece["unit"]
            yield _Token(start, piece.end("number"), number, not unit)
            if unit:
                yield _Token(start, end, number + unit, True)
        elif piece["word"] not in self._stop_words:
            yield from _spellings(piece["word"], start)
            parts = _JOINER.split(piece["word"])
            if len(parts) > 1:
                for part in parts:
                    if (len(part) > 1 or part.isdigit()) and part not in self._stop_words:
                        yield _Token(start, end, part, len(parts) > _CHAIN)

    def _chinese(self, run: str, offset: int) -> Iterator[_Token]:
        """Tokens of a run of Chinese characters that begins at ``offset``."""
        spans: dict[tuple[int, int], bool] = {}
        start = previous = 0
        for word in self._vocabulary.cut(run):
            end = start + len(word)
            if word not in self._stop_words:
                # Bigrams begin at the last character of the word before, unless it is a stop word.
                for left in range(previous, end - 1):
                    spans.setdefault((left, left + 2), False)
                if len(word) > 3:
                    for left in range(start, end - 2):
                        if run[left : left + 3] in self._vocabulary:
                            spans[left, left + 3] = False
                spans[start, end] = True
                previous = end - 1
            else:
                previous = end
            start = end
        for (left, right), content in spans.items():
            yield _Token(offset + left, offset + right, run[left:right], content)


def words(text: str) -> list[str]:
    """The search tokens of a text by the bundled dictionary: see `Segmenter.words`."""
    return _segmenter().words(text)


def content_words(text: str) -> list[str]:
    """The informative words of a text by the bundled dictionary: see `Segmenter.content_words`."""
    return _segmenter().content_words(text)


def configure(dictionary_lines: Iterable[str]) -> None:
    """Add an operator's terms to the bundled ones for `words` and `content_words` from now on.

    Replaces what an earlier call added. Tokens of an index must come from the same terms as those
    of a question: compare `fingerprint` with the one the index was made with.

    Args:
        dictionary_lines: the lines of `knowledge/dictionary.txt`.

    Raises:
        BadInput: a line is not a term; the terms stay as they were.
    """
    global _default
    segmenter = Segmenter(dictionary_lines)
    with _building:
        _default = segmenter


def fingerprint() -> str:
    """Of the rules, terms and stop words in use: another one means that tokens may differ."""
    return _segmenter().fingerprint


_default: Segmenter | None = None
_building = threading.Lock()


def _segmenter() -> Segmenter:
    global _default
    if _default is None:
        with _building:
            if _default is None:
                _default = Segmenter()
    return _default


def _any_of(terms: Set[str]) -> re.Pattern[str]:
    """Match any of the terms that mix Chinese with letters or digits, the longest first."""
    longest_first = sorted(terms, key=lambda term: (-len(term), term))
    alternatives = "|".join(map(re.escape, longest_first)) or "(?!)"
    # Not inside a longer Latin word or number: 90后 is not in 1990后.
    edge = rf"(?<={_LETTER})(?={_LETTER})"
    return re.compile(rf"(?!{edge})(?:{alternatives})(?!{edge})")


def _spellings(word: str, start: int) -> Iterator[_Token]:
    """A word that may be joined by signs, as written and closed up (``a/b测试``, ``ab测试``)."""
    parts = _JOINER.split(word)
    if len(parts) <= _CHAIN:
        end = start + len(word)
        # A letter alone (q=1) says nothing.
        yield _Token(start, end, word, len(word) > 1)
        if len(parts) > 1:
            yield _Token(start, end, "".join(parts), False)


def _inside(token: _Token, spans: list[tuple[int, int]]) -> bool:
    return any(start <= token.start and token.end <= end for start, end in spans)


def sentences(text: str) -> list[str]:
    """Split a text into sentences that can be quoted by themselves.

    A sentence ends at ``。！？!?``, at a full stop that is not part of a number, an abbreviation,
    an address or an ellipsis, and at a line end; not at ``；``, whose clauses lean on each other.
    What stands in quotation marks, title marks or brackets stays together, and so does a list item
    or a heading of up to 200 characters (number or bullet, bold lead, all its sentences).

    Args:
        text: display text, not a search form.

    Returns:
        The sentences, stripped, without empty ones; nothing but blanks is lost.
    """
    pieces = (piece.strip() for line in text.splitlines() for piece in boundaries.divide(line))
    return [piece for piece in pieces if piece]
