"""Clean text, its search form, and its script (simplified or traditional)."""

from __future__ import annotations

import re
import threading
import unicodedata
from typing import Protocol

_SURROGATE = re.compile("[\ud800-\udfff]")
# Form feeds and vertical tabs divide pages and lines in text taken from PDF and DOCX: dropping them
# would glue two words together.
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Every control (Cc, but \n and \t) and format character (Cf: zero-width, bidirectional, tags; a
# test compares the list with `unicodedata`), and the blanks of other categories that nicknames and
# injected text hide behind: Hangul fillers, grapheme joiner, Khmer inherent vowels, Mongolian and
# supplementary variation selectors, noncharacters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad"
    "\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\uffa0\ufffe\uffff"
    "\ufe00-\ufe0d\U000e0100-\U000e01ef]"
)
# What NFKC would change but people read: Chinese punctuation and ellipses, circled numbers (they
# mark list items: "①内容" is not "1内容"), superscripts, subscripts and fractions ("10²" is not
# "102"), signs and emoji, spacing accents. NFKC produces none of these, so cleaning twice is
# cleaning once.
_KEPT = (
    "，！？：；（）～\u2026\u2460-\u2473\u24ea\u3251-\u325f\u32b1-\u32bf"
    "\xb2\xb3\xb9\u2070\u2074-\u208e\xbc-\xbe\u2150-\u215e"
    "\u2120\u2122\u203c\u2049\u2139\u24c2\u3297\u3299\U0001f200-\U0001f251"
    "\xa8\xaf\xb4\xb8\u02d8-\u02dd"
)
_FOLDED = re.compile(f"[^{_KEPT}]+")
_EMOJI_SELECTOR = re.compile("[\ufe0e\ufe0f]")

# Folding a search form again can change it once more (OpenCC looks phrases up, and what it writes
# can begin another phrase). Among 300 000 random strings no form needed more than two rounds.
_ROUNDS = 4


class _Converter(Protocol):
    def convert(self, text: str) -> str: ...


_converters: dict[str, _Converter] = {}
_building = threading.Lock()


def clean(text: str) -> str:
    """Tidy text for people to read: same script, same words, nothing hidden.

    Line ends become ``\\n``; zero-width, bidirectional and other control characters go (``\\n`` and
    ``\\t`` stay); full-width letters and digits, compatibility ideographs, half-width kana and the
    like are folded (NFKC). Chinese punctuation, circled numbers, superscripts, fractions and emoji
    stay as they are, which plain NFKC would not do.

    Args:
        text: any string, lone surrogates included (they become U+FFFD).

    Returns:
        The clean text. Cleaning it again changes nothing.
    """
    text = _INVISIBLE.sub("", _LINE_END.sub("\n", _encodable(text)))
    if unicodedata.is_normalized("NFKC", text):
        return text
    return _FOLDED.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)


def search_form(text: str) -> str:
    """The form that is indexed and searched: clean, all of NFKC, simplified characters, casefolded.

    Not for display: punctuation becomes ASCII (``，`` is ``,``) and emoji selectors go.

    Args:
        text: any string.

    Returns:
        The search form, of possibly another length. Its own search form is itself.
    """
    form = _EMOJI_SELECTOR.sub("", clean(text))
    for _ in range(_ROUNDS):
        again = _fold(form)
        if again == form:
            break
        form = again
    return form


def simplified(text: str) -> str:
    """The text in simplified characters (OpenCC ``t2s``), for display; words are not translated."""
    return _convert("t2s", text)


def traditional(text: str) -> str:
    """The text in traditional characters, for display; words are not translated.

    OpenCC's ``s2tw``, not ``s2t``: the latter writes 社羣, 喫飯 and 爲什麼, which readers in Taiwan
    and Hong Kong do not.
    """
    return _convert("s2tw", text)


def is_traditional(text: str) -> bool:
    """Whether the writer uses traditional characters, to answer in the same script.

    Counts the characters that exist in one script only: those that conversion to simplified changes
    against those that conversion to traditional changes.

    Returns:
        True when more characters are traditional than simplified; False for a tie, for text that
        reads the same in both scripts, and for text without Chinese.
    """
    text = _encodable(text)
    to_simplified, to_traditional = simplified(text), traditional(text)
    return _differing(text, to_simplified) > _differing(text, to_traditional)


def _encodable(text: str) -> str:
    """Join surrogate pairs (left by broken JSON escapes) and replace lone ones by U+FFFD."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _fold(text: str) -> str:
    if text.isascii():
        return text.casefold()
    plain = unicodedata.normalize("NFKC", text)
    return unicodedata.normalize("NFKC", _convert("t2s", plain).casefold())


def _convert(name: str, text: str) -> str:
    if text.isascii():
        return text
    return _converter(name).convert(_encodable(text))


def _converter(name: str) -> _Converter:
    """The OpenCC converter, built once (4 ms for t2s, 40 ms for s2tw) and shared by all threads."""
    if name not in _converters:
        with _building:
            if name not in _converters:
                from opencc import OpenCC

                _converters[name] = OpenCC(name)
    return _converters[name]


def _differing(before: str, after: str) -> int:
    # No conversion table of t2s or s2tw changes a length within the BMP; for the rest the shorter
    # text bounds the comparison, which only asks which script prevails.
    return sum(a != b for a, b in zip(before, after, strict=False))
