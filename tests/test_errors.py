"""Errors: each says what was found and what to do, also without being told anything."""

from __future__ import annotations

import inspect
import re

import pytest

from copilot import errors

CLASSES = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, errors.CopilotError) and each is not errors.CopilotError
]


@pytest.mark.parametrize("kind", CLASSES)
def test_default_message_is_a_sentence_of_its_own(kind: type[errors.CopilotError]) -> None:
    message = str(kind())
    assert message == (kind.__doc__ or "").strip().split("\n")[0]
    assert message.endswith(".")
    assert len(message) > 20


def test_default_messages_differ() -> None:
    assert len({str(kind()) for kind in CLASSES}) == len(CLASSES) > 5


@pytest.mark.parametrize("kind", [each for each in CLASSES if each is not errors.BadInput])
def test_default_message_names_a_remedy(kind: type[errors.CopilotError]) -> None:
    """Beside what is wrong, something to do: a second sentence (bad input depends on the input)."""
    assert len(re.findall(r"\.(?:\s|$)", str(kind()))) >= 2


@pytest.mark.parametrize("kind", CLASSES)
def test_detail_and_remedy_are_kept_and_joined(kind: type[errors.CopilotError]) -> None:
    error = kind("no file 'x'.", remedy="Name another.")
    assert str(error) == "no file 'x'. Name another."
    assert (error.detail, error.remedy) == ("no file 'x'.", "Name another.")


def test_one_except_catches_them_all() -> None:
    assert all(issubclass(kind, errors.CopilotError) for kind in CLASSES)
    assert not issubclass(errors.CopilotError, ValueError | OSError)
