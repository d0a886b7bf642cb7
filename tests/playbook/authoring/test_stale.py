"""Stale: old entries, and those whose source has changed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from copilot.playbook.authoring.entries import read_all
from copilot.playbook.authoring.sources import from_documents
from copilot.playbook.authoring.stale import changed, stale
from tests.playbook.authoring.knowledge_made import (
    SOURCES,
    STAY,
    TODAY,
    make_knowledge,
    make_sources,
)


def test_entries_older_than_the_days_are_stale_oldest_first(tmp_path: Path) -> None:
    entries, _ = read_all(make_knowledge(tmp_path))
    assert [(each.entry.id, each.age) for each in stale(entries, TODAY, 31)] == [
        ("growth-stay", 32)
    ]
    assert stale(entries, TODAY, 32) == []
    assert [each.age for each in stale(entries, TODAY, 3)] == [32, 4, 4, 4]


def test_an_entry_without_a_date_is_stale(tmp_path: Path) -> None:
    folder = make_knowledge(tmp_path)
    path = folder / "playbook/增长/stay.md"
    path.write_text(STAY.replace("updated: 2026-02-01\n", ""), "utf-8")
    found = stale(read_all(folder)[0], date(2026, 3, 5), 180)
    assert [(each.entry.id, each.age) for each in found] == [("growth-stay", None)]


def test_a_changed_or_vanished_section_makes_its_entries_stale(tmp_path: Path) -> None:
    documents = make_sources(tmp_path / "documents")
    before = from_documents(documents)
    text = SOURCES["900_guide.md"].replace("2000", "2500")
    (documents / "900_guide.md").write_text(text.replace("## 1.2 留人", "## 1.3 留人"), "utf-8")
    differing = changed(from_documents(documents), before)
    assert differing == {"900#1.1", "900#1.2"}
    entries, _ = read_all(make_knowledge(tmp_path / "knowledge"))
    assert {each.entry.id: each.changed for each in stale(entries, TODAY, 180, differing)} == {
        "growth-start": ("900#1.1",),
        "growth-stay": ("900#1.2",),
    }
    assert changed(before, before) == frozenset()
