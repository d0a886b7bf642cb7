"""Duplicates: entries that say the same come up, others do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.models import embedder
from copilot.playbook.authoring.duplicates import THRESHOLD, pairs, said
from copilot.playbook.authoring.entries import read_all
from tests.conftest import ROOT
from tests.playbook.authoring.knowledge_made import START, make_knowledge


@pytest.fixture(scope="module")
def encode() -> object:
    """The shipped embedder, which the threshold was chosen for."""
    return embedder.load("shipped").encode


def test_the_same_in_other_words_is_a_pair(tmp_path: Path, encode: object) -> None:
    folder = make_knowledge(tmp_path)
    again = START.replace("id: growth-start", "id: growth-begin").replace(
        "title: 起步", "title: 开始"
    )
    again = again.replace("咋开张", "如何起步").replace("先小后大", "从小处起步，再扩大")
    (folder / "playbook/增长/begin.md").write_text(again, "utf-8")
    found = pairs(read_all(folder)[0], encode)
    assert [(pair.one.id, pair.other.id, pair.shared) for pair in found] == [
        ("growth-begin", "growth-start", ())
    ]
    assert THRESHOLD <= found[0].similarity <= 1.001


def test_a_shared_ask_is_enough_within_one_audience(tmp_path: Path, encode: object) -> None:
    folder = make_knowledge(tmp_path)
    for file in ("playbook/增长/stay.md", "members/refund.md"):
        path = folder / file
        first = next(line for line in path.read_text("utf-8").split("\n") if line[:4] == "  - ")
        path.write_text(path.read_text("utf-8").replace(first, "  - 咋開張，第1问？"), "utf-8")
    found = pairs(read_all(folder)[0], encode, 1.0)
    assert [(pair.one.id, pair.other.id, pair.shared) for pair in found] == [
        ("growth-start", "growth-stay", ("咋开张第1问",))
    ]


def test_notes_and_links_say_nothing(tmp_path: Path) -> None:
    entry = read_all(make_knowledge(tmp_path))[0][0]
    assert "900" not in said(entry)
    assert "growth-stay" not in said(entry)
    assert "先小后大" in said(entry)


def test_our_entries_share_no_ask() -> None:
    entries, _ = read_all(ROOT / "knowledge")
    vectors = embedder.load("shipped").encode
    found = [pair for pair in pairs(entries, vectors) if pair.shared]
    assert [(pair.one.id, pair.other.id, pair.shared) for pair in found] == []
