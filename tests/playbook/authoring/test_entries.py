"""Entries: what is read from a file, and which are chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from copilot.errors import BadInput
from copilot.playbook.authoring.entries import choose, parse, read_all
from tests.playbook.authoring.knowledge_made import START, make_knowledge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A knowledge folder with nothing wrong in it."""
    return make_knowledge(tmp_path)


def test_parts_and_links_know_their_lines() -> None:
    entry, problems = parse("playbook/增长/start.md", START.encode())
    assert entry is not None
    assert problems == []
    lines = START.split("\n")
    assert [part.title for part in entry.parts][:2] == ["要点", "怎么做"]
    for part in entry.parts:
        assert lines[part.line - 2] == f"## {part.title}"
    assert [(target, lines[line - 1]) for target, line in entry.links] == [
        ("growth-stay", "- [[growth-stay]]")
    ]
    assert lines[entry.line_of("咋开张第7问") - 1] == "  - 咋开张第7问"


def test_windows_line_ends_are_read() -> None:
    entry, problems = parse("playbook/增长/start.md", START.replace("\n", "\r\n").encode())
    assert problems == []
    assert entry is not None
    assert len(entry.parts) == 6


def test_a_mark_at_the_beginning_is_no_matter() -> None:
    assert parse("playbook/增长/start.md", START.encode("utf-8-sig"))[1] == []


@pytest.mark.parametrize("value", ["2026-02-30", "2026-03-01 10:00", "[2026]", "null"])
def test_a_day_that_is_none_is_a_problem(value: str) -> None:
    text = START.replace("updated: 2026-03-01", f"updated: {value}")
    entry, problems = parse("playbook/增长/start.md", text.encode())
    assert [problem.rule for problem in problems][:1] == ["front-matter"]
    assert entry is None or entry.updated is None


@given(st.binary() | st.text().map(lambda text: f"---\n{text}\n---\n{text}".encode()))
def test_any_file_is_an_entry_or_a_problem(content: bytes) -> None:
    entry, problems = parse("sop/any.md", content)
    assert entry is not None or problems


ANY_YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(
    ("id", "title", "audience", "stage", "tags", "sources", "asks", "updated", "template"), ANY_YAML
)))  # fmt: skip
def test_any_front_matter_is_read_without_an_error(meta: dict[str, object]) -> None:
    content = f"---\n{yaml.safe_dump(meta, allow_unicode=True)}---\n## 要点\n".encode()
    entry, problems = parse("sop/any.md", content)
    assert problems
    assert entry is None or all(isinstance(ask, str) for ask in entry.asks)


def test_the_folder_of_a_file_is_its_kind(folder: Path) -> None:
    entries, problems = read_all(folder)
    assert problems == []
    assert [(entry.id, entry.kind) for entry in entries] == [
        ("growth-start", "playbook"),
        ("growth-stay", "playbook"),
        ("sop-quarrel", "sop"),
        ("member-refund", "members"),
    ]
    assert [entry.template for entry in entries] == [False, False, False, True]


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({}, ["growth-start", "growth-stay", "sop-quarrel", "member-refund"]),
        ({"stage": "成长"}, ["growth-stay", "sop-quarrel", "member-refund"]),
        ({"audience": "member"}, ["member-refund"]),
        ({"tag": "留存"}, ["growth-stay"]),
        ({"topic": "增长"}, ["growth-start", "growth-stay"]),
        ({"topic": "sop", "stage": "成长"}, ["sop-quarrel"]),
        ({"tag": "留存", "topic": "sop"}, []),
    ],
)
def test_entries_are_chosen(folder: Path, given: dict[str, str], ids: list[str]) -> None:
    assert [entry.id for entry in choose(read_all(folder)[0], **given)] == ids


@pytest.mark.parametrize("given", [{"stage": "幼儿"}, {"topic": "活动"}])
def test_a_stage_or_folder_that_is_not_there_is_told(folder: Path, given: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="One of"):
        choose(read_all(folder)[0], **given)
