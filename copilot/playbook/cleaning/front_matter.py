"""Front matter: the settings between two `---` lines at the beginning of a Markdown file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Value = str | tuple[str, ...]

_FENCE = re.compile(r"-{3}[ \t]*(?:\n|$)")
_CLOSE = re.compile(r"^(?:-{3}|\.{3})[ \t]*$", re.MULTILINE)
_PAIR = re.compile(r"^([\w.-]+)[ \t]*:(?:[ \t]+(.*))?$")
_ITEM = re.compile(r"^[ \t]*-(?:[ \t]+(.*))?$")
_COMMENT = re.compile(r"(?:^|[ \t])#.*$")
# Front matter is a few lines; further down two rules are just two rules.
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class FrontMatter(Mapping[str, Value]):
    """What a file says about itself: text, or several texts, by key. Immutable, and hashable."""

    pairs: tuple[tuple[str, Value], ...] = ()

    def __getitem__(self, key: str) -> Value:
        """The value of a key; KeyError without it."""
        for name, value in self.pairs:
            if name == key:
                return value
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        """The keys in the order of the file."""
        return (name for name, _ in self.pairs)

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self.pairs)


class NotUnderstood(ValueError):
    """A line of the front matter that is not of the forms `take` reads."""


def take(text: str) -> tuple[FrontMatter, str, str]:
    """Take the front matter off a text.

    Reads the part of YAML that front matter uses: `key: value`, quoted values, `[a, b]`, and lists
    of `- item` lines; every value is text or a tuple of texts. Anything else is left alone rather
    than guessed at.

    Returns:
        the front matter (empty without one), the text without it, and the first line that was not
        understood (empty when all was; otherwise the front matter stays empty, yet is taken off).
    """
    if not (opening := _FENCE.match(text)):
        return FrontMatter(), text, ""
    closing = _CLOSE.search(text, opening.end(), LONGEST)
    if closing is None:
        return FrontMatter(), text, ""
    lines = text[opening.end() : closing.start()].split("\n")
    if not any(_PAIR.match(line) for line in lines):
        return FrontMatter(), text, ""  # two rules around a paragraph
    rest = text[closing.end() :].lstrip("\n")
    try:
        return FrontMatter(tuple(_pairs(lines).items())), rest, ""
    except NotUnderstood as error:
        return FrontMatter(), rest, str(error)


def _pairs(lines: list[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    key = ""
    items: list[str] | None = None
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if (item := _ITEM.match(line)) and items is not None:
            items.append(_text(item[1] or "", line))
            found[key] = tuple(items)
        elif (pair := _PAIR.match(line)) and pair[1] not in found:
            key, value = pair[1], (pair[2] or "").strip()
            items = [] if _COMMENT.sub("", value) == "" else None
            found[key] = _value(value, line)
        else:
            raise NotUnderstood(line.strip())
    return found


def _value(value: str, line: str) -> Value:
    if not value.startswith("["):
        return _text(value, line)
    if not (bracket := re.fullmatch(r"\[(.*)\][ \t]*(?:#.*)?", value)):
        raise NotUnderstood(line.strip())
    # Commas within quotes belong to the item.
    items = re.findall(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,]*)\s*(?:,|$)""", bracket[1])
    return tuple(text for item in items if (text := _text(item.strip(), line)))


def _text(value: str, line: str) -> str:
    if quoted := re.fullmatch(r'"((?:[^"\\]|\\.)*)"[ \t]*(?:#.*)?', value):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if quoted := re.fullmatch(r"'((?:[^']|'')*)'[ \t]*(?:#.*)?", value):
        return quoted[1].replace("''", "'")
    plain = _COMMENT.sub("", value).strip()
    if plain[:1] in tuple("{}&*!|>%@`\"'[]") and plain:
        raise NotUnderstood(line.strip())
    if plain.startswith("- ") or ": " in plain or plain.endswith(":"):
        raise NotUnderstood(line.strip())
    return plain
