"""Token counts."""

import base64
import hashlib
import inspect
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiktoken_ext.openai_public
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.language import tokens

TEXTS = st.text(st.characters(exclude_categories=()))


class NoSocket(socket.socket):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise AssertionError("a socket was opened")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(socket, "socket", NoSocket)
    yield
    tokens.configure(None)


@pytest.fixture
def vocabulary(tmp_path: Path) -> tuple[Path, str]:
    """A folder with a vocabulary of all bytes and two longer tokens, and its digest."""
    pieces = [bytes([byte]) for byte in range(256)] + ["社".encode()[:2], "社".encode(), b"ab"]
    lines = [base64.b64encode(piece) + b" %d" % rank for rank, piece in enumerate(pieces)]
    content = b"\n".join(lines) + b"\n"
    (tmp_path / tokens.CACHE_NAME).write_bytes(content)
    return tmp_path, hashlib.sha256(content).hexdigest()


def test_without_a_folder_the_count_is_an_estimate() -> None:
    assert tokens.method() == "estimate"
    assert tokens.count("怎么让群里的人多说话") == 7


def test_an_empty_folder_is_not_filled(tmp_path: Path) -> None:
    tokens.configure(tmp_path / "nowhere")
    assert (tokens.method(), tokens.count("你好")) == ("estimate", 2)
    tokens.configure(tmp_path)
    assert (tokens.method(), tokens.count("你好")) == ("estimate", 2)
    assert list(tmp_path.iterdir()) == []


def test_the_vocabulary_is_used_when_it_is_at_hand(vocabulary: tuple[Path, str]) -> None:
    folder, digest = vocabulary
    tokens.configure(folder, digest=digest)
    assert tokens.method() == "o200k_base"
    assert tokens.count("社") == 1
    assert tokens.count("群") == 3
    assert tokens.count("ab社") == 2
    assert tokens.count("") == 0
    assert tokens.count("\ud800") == 3
    assert [path.name for path in folder.iterdir()] == [tokens.CACHE_NAME]


def test_a_file_that_does_not_match_is_left_alone(vocabulary: tuple[Path, str]) -> None:
    folder, _ = vocabulary
    tokens.configure(folder)
    assert tokens.method() == "estimate"
    assert (folder / tokens.CACHE_NAME).exists()


@pytest.mark.parametrize("content", [b"", b"no vocabulary", b"!!! x\n", b"YQ== one\n"])
def test_a_damaged_file_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / tokens.CACHE_NAME).write_bytes(content)
    tokens.configure(tmp_path, digest=hashlib.sha256(content).hexdigest())
    assert tokens.method() == "estimate"
    assert tokens.count("你好") == 2


def test_a_long_run_is_counted_in_time(vocabulary: tuple[Path, str]) -> None:
    folder, digest = vocabulary
    tokens.configure(folder, digest=digest)
    assert tokens.count("社" * 1_000_000) == 1_000_000


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("社", 1),
        ("社群运营" * 25, 70),
        ("retention", 2),
        ("the members of the group", 7),
        ("123456", 2),
        ("1234", 2),
        ("0123456789abcdef" * 4, 22),
        ("abcdefghijklmnopqrstuvwxyz" * 3, 26),
        ("打卡，打卡。", 5),
        ("😀😀", 3),
        (" ", 1),
    ],
)
def test_the_estimate_follows_its_rule(text: str, count: int) -> None:
    assert tokens.estimate(text) == count


@settings(max_examples=200)
@given(TEXTS)
def test_any_text_is_counted(text: str) -> None:
    assert (tokens.count(text) == 0) == (text == "")


@given(TEXTS, TEXTS)
def test_a_longer_text_costs_no_less_than_its_parts_but_for_rounding(a: str, b: str) -> None:
    whole = tokens.estimate(a + "\n社" + b)
    assert whole + 2 >= max(tokens.estimate(a), tokens.estimate(b))


def test_address_digest_and_pattern_are_those_of_tiktoken() -> None:
    source = inspect.getsource(tiktoken_ext.openai_public.o200k_base)
    assert tokens._ADDRESS in source
    assert tokens.O200K_SHA256 in source
    assert re.findall('r"""(.*?)"""', source) == list(tokens._PATTERNS)
    assert tokens.CACHE_NAME == "fb374d419588a4632f3f557e76b4b70aebbca790"
