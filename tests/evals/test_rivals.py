"""Rivals: each gets the same files, none gets the asks, each does what its name says."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from copilot.app import Copilot
from copilot.models import embedder
from copilot.models.embedder import Embedder
from copilot.playbook.clean import Document, Section
from evals import retrieval, rivals
from evals.rivals import Source
from tests.conftest import ROOT, SECRET

# Stands in the front matter of one document, and nowhere in a body.
ASK = "有人要退钱怎么办"


@pytest.fixture(scope="module")
def given(sample_playbook: Path) -> list[Source]:
    return rivals.sources([sample_playbook])


@pytest.fixture(scope="module")
def shipped() -> Embedder:
    return embedder.load()


def _texts(given: list[Source]) -> list[str]:
    return [f"{p.title}\n{p.section}\n{p.text}" for source in given for p in source.passages]


def test_rivals_get_the_passages_that_ours_has_indexed(
    given: list[Source], copilot: Copilot
) -> None:
    found = {passage.id: passage for source in given for passage in source.passages}
    assert len(found) == copilot.health().passages == rivals.ours(copilot).pieces
    for hit in copilot.search("读书会的预算", "operator", 20):
        assert found[hit.passage.id].text == hit.passage.text


def test_ours_is_asked_for_as_many_as_the_retrieval_task_asks() -> None:
    assert rivals.DEPTH == retrieval.DEPTH


def test_ours_shows_no_more_of_a_passage_than_the_rivals_do(
    given: list[Source], copilot: Copilot
) -> None:
    texts = rivals.ours(copilot).find(ASK)
    assert SECRET in texts[0]
    assert set(texts) <= set(_texts(given))


def test_words_find_chinese_by_its_words_alone(given: list[Source]) -> None:
    side = rivals.words(given)
    assert "场地费800元" in side.find("讀書會預算多少")[0]
    assert len(side.find("群")) < side.pieces
    assert side.find("zzz") == side.find("？！") == []


def test_words_are_those_of_bodies_and_headings_not_of_asks(given: list[Source]) -> None:
    side = rivals.words(given)
    assert side.find("退钱") == []
    assert SECRET in side.find("退款")[0]


def test_vectors_come_in_the_order_of_their_cosines(given: list[Source], shipped: Embedder) -> None:
    side = rivals.vectors(given, shipped)
    passages = [passage for source in given for passage in source.passages]
    held = shipped.encode([f"{p.title} {p.section}\n{p.text}" for p in passages])
    cosines = held @ shipped.encode(["新人第一周做什么"])[0]
    best = np.argsort(-cosines)[: rivals.DEPTH]
    assert side.find("新人第一周做什么") == [_texts(given)[at] for at in best]


def test_the_textbook_pieces_are_short_overlap_and_lose_nothing(
    given: list[Source], shipped: Embedder
) -> None:
    body = "".join(f"第{n}条群规写明谁能发什么，违者先提醒。" for n in range(60))
    long = Document("a.md", "群规", (Section("", "全部", ("全部",), body),))
    with rivals.textbook([Source(long, ())], shipped) as side:
        found = side.find("群规")
    pieces = [text.removeprefix("群规\n") for text in found]
    assert side.pieces == len(found) > 3
    assert max(map(len, pieces)) <= rivals.CHUNK
    assert sum(map(len, pieces)) > len(body)
    for n in range(60):
        assert any(f"第{n}条群规写明谁能发什么，违者先提醒。" in piece for piece in pieces)
    assert not any(piece.startswith(("。", "，")) for piece in pieces)


def test_the_textbook_finds_by_similarity_and_leaves_nothing_behind(
    given: list[Source], shipped: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with rivals.textbook(given, shipped) as side:
        [folder] = tmp_path.iterdir()
        assert (folder / "chroma.sqlite3").is_file()
        assert "场地费800元" in side.find("线下读书会要花多少预算")[0]
        assert not any(ASK in text for text in side.find(ASK))
    assert list(tmp_path.iterdir()) == []


def test_two_textbooks_share_nothing(given: list[Source], shipped: Embedder) -> None:
    with rivals.textbook(given, shipped) as first, rivals.textbook(given[:1], shipped) as second:
        assert len(second.find("预算")) == second.pieces < first.pieces


def test_the_plain_text_has_each_heading_once_and_in_order() -> None:
    document = Document(
        "a.md",
        "书",
        (
            Section("1.1", "背景", ("行业", "背景"), "甲"),
            Section("1.2", "需求", ("行业", "需求"), "乙"),
            Section("", "尾声", ("尾声",), "丙"),
            Section("", "", (), "丁"),
        ),
    )
    assert rivals.plain(document).split("\n\n") == [
        "书", "行业", "1.1 背景", "甲", "1.2 需求", "乙", "尾声", "丙", "丁",
    ]  # fmt: skip


def test_the_plain_text_holds_all_that_the_passages_hold(given: list[Source]) -> None:
    for source in given:
        text = rivals.plain(source.document)
        assert ASK not in text
        for section in source.document.sections:
            assert section.text.strip() in text


def test_the_copilot_itself_needs_no_rival() -> None:
    for path in (ROOT / "copilot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            roots = {name.split(".")[0] for name in names}
            assert roots.isdisjoint({"bm25s", "langchain_chroma", "langchain_text_splitters"}), path
