"""Sources: sections and figures from documents as the index reads them, and the digest of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.errors import BadInput
from copilot.playbook.authoring.sources import as_digest, from_digest, from_documents, load
from tests.conftest import ROOT
from tests.playbook.authoring.knowledge_made import SOURCES, make_sources


def test_documents_become_sections_with_their_figures(tmp_path: Path) -> None:
    sources = from_documents(make_sources(tmp_path))
    assert list(sources.sections) == ["900#1.1", "900#1.2", "901#Q1", "901#Q2"]
    start = sources.sections["900#1.1"]
    assert start.figures == {"3月", "2000人", "50%", "15000元"}
    assert (start.title, "书友" in start.text) == ("起步", True)
    assert sources.sections["901#Q1"].figures == frozenset()


def test_the_digest_says_the_same_without_a_sentence(tmp_path: Path) -> None:
    sources = from_documents(make_sources(tmp_path))
    written = as_digest(sources)
    (tmp_path / "sources.yaml").write_text(written, "utf-8")
    again = from_digest(tmp_path / "sources.yaml")
    assert {
        key: (each.title, each.figures, each.digest) for key, each in again.sections.items()
    } == {key: (each.title, each.figures, each.digest) for key, each in sources.sections.items()}
    assert not any(each.text for each in again.sections.values())
    assert "书友在" not in written
    assert as_digest(again) == written


def test_a_digest_changes_with_words_not_with_punctuation_or_script(tmp_path: Path) -> None:
    before = from_documents(make_sources(tmp_path)).sections["900#1.1"].digest
    path = tmp_path / "900_guide.md"
    path.write_text(SOURCES["900_guide.md"].replace("萬", "万").replace(",", "，"), "utf-8")
    assert from_documents(tmp_path).sections["900#1.1"].digest == before
    path.write_text(SOURCES["900_guide.md"].replace("2000", "2001"), "utf-8")
    assert from_documents(tmp_path).sections["900#1.1"].digest != before


def test_documents_come_before_the_digest(tmp_path: Path) -> None:
    documents = make_sources(tmp_path / "documents")
    digest = tmp_path / "sources.yaml"
    digest.write_text('"900#1.1":\n  title: "x"\n  figures: []\n  digest: "y"\n', "utf-8")
    assert len(load(documents, digest).sections) == 4
    assert len(load(tmp_path / "gone", digest).sections) == 1
    assert "digest" in load(None, digest).origin
    with pytest.raises(BadInput, match="neither"):
        load(tmp_path / "gone", tmp_path / "gone.yaml")


@pytest.mark.parametrize("text", ["[", "- a\n", '"900#1.1": 3\n', "\xff"])
def test_a_damaged_digest_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "sources.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=r"sources\.yaml"):
        from_digest(tmp_path / "sources.yaml")


def test_a_folder_without_numbered_sections_is_told(tmp_path: Path) -> None:
    (tmp_path / "900_note.md").write_text("# 便条\n\n没有编号。\n", "utf-8")
    with pytest.raises(BadInput, match="numbered"):
        from_documents(tmp_path)


@pytest.mark.shared
def test_the_shipped_digest_is_that_of_the_documents(source_documents: Path) -> None:
    sources = from_documents(source_documents)
    assert len(sources.sections) == 61
    shipped = (ROOT / "knowledge" / "sources.yaml").read_text("utf-8")
    assert as_digest(sources) == shipped, "run: copilot knowledge sources --from ../shared/playbook"
