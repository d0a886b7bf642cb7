"""The catalogue's texts for doors and answers: each that is used exists, each that exists is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import copilot
from copilot.language import strings

PACKAGE = Path(copilot.__file__).parent
OURS = ("answer.", "console.", "login.", "server.")

# Keys in the code, whole or built: `answer.{kind}.{reader}` stands for all that fit it.
_KEY = re.compile(r"""["']((?:answer|console|login|server)\.[a-z_.{}]+)["']""")


def used() -> dict[str, str]:
    """Every key in the code as a pattern, with the file that holds it."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        for key in _KEY.findall(path.read_text("utf-8")):
            if key.endswith((".css", ".html", ".js")):
                continue
            pattern = re.sub(r"\\\{[a-z_]+\\\}", "[a-z_]+", re.escape(key))
            found[pattern] = path.name
    return found


KEYS = [key for key in strings.catalogue() if key.startswith(OURS)]


def test_every_key_in_the_code_is_in_the_catalogue() -> None:
    missing = {
        (name, pattern)
        for pattern, name in used().items()
        if not any(re.fullmatch(pattern, key) for key in KEYS)
    }
    assert missing == set()


@pytest.mark.parametrize("key", KEYS)
def test_every_key_in_the_catalogue_is_used(key: str) -> None:
    assert any(re.fullmatch(pattern, key) for pattern in used())


@pytest.mark.parametrize("name", ["about", "greeting", "handoff", "refused", "thanks"])
def test_what_is_said_by_kind_and_reader_is_there(name: str) -> None:
    assert {f"answer.{name}.member", f"answer.{name}.staff"} <= set(KEYS)
