"""The catalogue of what operators and members read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Formatter
from types import MappingProxyType
from typing import Any

from copilot.errors import BadInput, NotFound

LANGUAGES = ("zh", "en")


def text(key: str, /, language: str = "zh", **values: object) -> str:
    """A text of the catalogue (`strings.toml`), its placeholders filled in.

    Args:
        key: the text's key, as `answer.refused.member`.
        language: ``zh`` or ``en``. Simplified characters; for traditional ones convert the result
            with `normalize.traditional`.
        values: one for each placeholder and no more. They are inserted as they are; braces in them
            mean nothing.

    Raises:
        NotFound: there is no such key.
        BadInput: there is no such language, or the values are not those the text asks for.
    """
    if language not in LANGUAGES:
        raise BadInput(f"no texts in language {language!r}.", remedy="Use 'zh' or 'en'.")
    entry = catalogue().get(key)
    if entry is None:
        raise NotFound(
            f"no text {key!r}.",
            remedy=f"Add [{key}] with zh and en to copilot/language/strings.toml.",
        )
    wanted = placeholders(entry[language])
    if wanted != values.keys():
        raise BadInput(
            f"text {key!r} takes {sorted(wanted)!r}, not {sorted(values)!r}.",
            remedy="Pass one value for each placeholder of the text.",
        )
    return entry[language].format(**values) if wanted else entry[language]


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every key with its texts by language, in the order of the file. Read once."""
    content = (files("copilot.language") / "strings.toml").read_text(encoding="utf-8")
    return MappingProxyType(dict(_flat("", tomllib.loads(content))))


def placeholders(template: str) -> set[str]:
    """The names in braces in a text."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def _flat(prefix: str, table: dict[str, Any]) -> list[tuple[str, Mapping[str, str]]]:
    found: list[tuple[str, Mapping[str, str]]] = []
    for name, value in table.items():
        if all(isinstance(each, str) for each in value.values()):
            found.append((prefix + name, MappingProxyType(value)))
        else:
            found.extend(_flat(f"{prefix}{name}.", value))
    return found
