"""The corpus: what is measured on, and where its passages come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from copilot.playbook.evidence import Passage
from evals import corpus, rivals


def _passage(source: str, section: str, text: str = "正文") -> Passage:
    return Passage("id", source, "标题", section, text, "member")


@pytest.mark.parametrize(
    ("passage", "expected"),
    [
        (_passage("000_ab.txt", "12 如何推广？"), {"000#Q12"}),
        (_passage("002_cd.txt", "某章 › 4.3 風險評估"), {"002#4.3"}),
        (_passage("sub/002_cd.txt", "4.3 風險"), {"002#4.3"}),
        (_passage("002_cd.txt", "前言"), set()),
        (_passage("002_cd.txt", "2023年的市场"), set()),
        (_passage("互动/a.md", "要点", "有效。（002 §4.2）（000 Q18）"), {"002#4.2", "000#Q18"}),
        (_passage("互动/a.md", "要点", "先定群规。（000 §Q23）"), {"000#Q23"}),
        (_passage("互动/a.md", "要点", "分四层（002 §3.1、§4.2）。"), {"002#3.1", "002#4.2"}),
        (_passage("互动/a.md", "要点", "看人（000 §Q5、002 §4.1）"), {"000#Q5", "002#4.1"}),
        (
            _passage("互动/a.md", "要点", "三步（002 §5.1）：\n\n1. 甲\n2. 乙(000 Q4)"),
            {"002#5.1", "000#Q4"},
        ),
        (_passage("互动/a.md", "要点", "| 甲（002 §6.3） | 乙 |"), {"002#6.3"}),
        (_passage("互动/a.md", "要点", "编号 002 §4.2.1，见 §4.2（约 100 元）"), set()),
        (_passage("互动/a.md", "2 要点", "没有注明"), set()),
    ],
)
def test_a_passage_names_the_places_it_holds(passage: Passage, expected: set[str]) -> None:
    assert corpus.places(passage) == expected


def test_every_note_of_our_entries_is_a_place_of_their_passages() -> None:
    given = rivals.sources([corpus.KNOWLEDGE / "playbook"])
    passages = [passage for source in given for passage in source.passages]
    named = set().union(*(corpus.places(passage) for passage in passages))
    assert len(named) > 40
    assert all(re.fullmatch(r"000#Q\d{1,2}|002#\d\.\d", place) for place in named)
    for passage in passages:
        if re.search(r"（00[02] ", passage.text):
            assert corpus.places(passage), passage.source


def test_without_the_documents_our_entries_are_measured_and_that_is_said(tmp_path: Path) -> None:
    for name in corpus.NAMES:
        taken, note = corpus.chosen(name, tmp_path / "absent")
        assert taken == "knowledge"
        assert bool(note) == (name != "knowledge")


def test_with_the_documents_what_was_asked_for_is_measured(tmp_path: Path) -> None:
    assert corpus.chosen("all", tmp_path) == ("all", "")


def test_a_measuring_home_ignores_the_model_and_database_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPILOT_MODEL", "openai:gpt")
    monkeypatch.setenv("COPILOT_DATABASE_URL", "postgresql://elsewhere/db")
    settings = corpus.settings(tmp_path)
    assert (settings.model, settings.records_url) == ("", f"sqlite:///{tmp_path}/records.db")
