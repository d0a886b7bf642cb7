"""Drafts: skeletons that lose nothing, edits that can be taken back."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest

from copilot.errors import BadInput, NotFound
from copilot.playbook.authoring.check import check
from copilot.playbook.authoring.drafts import Draft, create, dated, find, keep, undo
from copilot.playbook.authoring.entries import parse, read_all
from copilot.playbook.authoring.sources import Sources, from_documents
from tests.playbook.authoring.knowledge_made import TODAY, make_knowledge, make_sources


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """The sections of the made-up documents."""
    return from_documents(make_sources(tmp_path_factory.mktemp("documents")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A knowledge folder with nothing wrong in it."""
    return make_knowledge(tmp_path / "knowledge")


def new(folder: Path, draft: Draft, sources: Sources) -> tuple[Path, str]:
    return create(folder, draft, read_all(folder)[0], sources, TODAY)


# New ---------------------------------------------------------------------------------------------


def test_a_skeleton_has_all_but_what_is_to_be_written(folder: Path, sources: Sources) -> None:
    draft = Draft("拉新：老带新 #1", "增长", sources=("900#1.1",), stage=("种子", "成长"))
    path, id_ = new(folder, draft, sources)
    assert path.parent == folder / "playbook/增长"
    entry, problems = parse(path.relative_to(folder).as_posix(), path.read_bytes())
    assert problems == [] or {each.what for each in problems} == {"`tags` is empty."}
    assert entry is not None
    assert (entry.id, entry.title, entry.updated) == (id_, draft.title, TODAY)
    assert (entry.stage, entry.sources, entry.audience) == (draft.stage, draft.sources, "operator")
    assert "2000人" in entry.front  # the figures of its source, to begin with
    found = {each.rule for each in check(folder, sources, TODAY).problems}
    assert found == {"front-matter", "asks", "blanks"}


@pytest.mark.parametrize("topic", ["增长", "sop", "members"])
def test_a_skeleton_of_every_kind_has_its_headings(
    folder: Path, sources: Sources, topic: str
) -> None:
    audience = "member" if topic == "members" else "operator"
    path, _ = new(folder, Draft("拉新", topic, audience, ("900#1.1",)), sources)
    problems = check(folder, sources, TODAY).problems
    assert all(each.file == path.relative_to(folder).as_posix() for each in problems)
    assert "sections" not in {each.rule for each in problems}


def test_ids_are_made_from_what_there_is_and_never_twice(folder: Path, sources: Sources) -> None:
    draft = Draft("词7与VIP", "增长")
    made = [new(folder, draft, sources)[1] for _ in range(3)]
    assert made == ["growth-vip-word7", "growth-vip-word7-2", "growth-vip-word7-3"]
    assert new(folder, Draft("全是汉字", "增长"), sources)[1] == "growth-entry"
    with pytest.raises(BadInput, match="taken"):
        new(folder, Draft("又一条", "增长", id="sop-quarrel"), sources)


def test_what_is_there_is_never_written_over(folder: Path, sources: Sources) -> None:
    path = folder / "playbook/增长/vip.md"
    path.write_text("不是条目", "utf-8")
    with pytest.raises(BadInput, match="exists"):
        new(folder, Draft("VIP", "增长"), sources)
    assert path.read_text("utf-8") == "不是条目"


def test_folders_and_sections_that_are_not_there_are_told(folder: Path, sources: Sources) -> None:
    with pytest.raises(NotFound, match="增长"):
        new(folder, Draft("x", "增涨"), sources)
    with pytest.raises(NotFound, match="900#1.1"):
        new(folder, Draft("x", "增长", sources=("900#1.9",)), sources)
    with pytest.raises(NotFound):
        new(folder, Draft("x", "../.."), sources)


# Edit --------------------------------------------------------------------------------------------


def test_an_entry_is_found_by_id_or_file(folder: Path) -> None:
    entries, _ = read_all(folder)
    assert find(folder, "sop-quarrel", entries) == folder / "sop/quarrel.md"
    assert find(folder, "sop/quarrel.md", entries) == folder / "sop/quarrel.md"
    with pytest.raises(NotFound, match="growth-start"):
        find(folder, "growth-stat", entries)
    with pytest.raises(NotFound, match="member-refund"):
        find(folder, "退款", entries)
    (folder.parent / "outside.md").write_text("x", "utf-8")
    with pytest.raises(NotFound):
        find(folder, "../outside.md", entries)


def test_only_the_date_of_the_front_matter_is_set() -> None:
    content = b"---\nid: a\nupdated: 2026-01-01\n---\n\nupdated: never\n\xff"
    assert dated(content, date(2026, 3, 5)) == content.replace(b"2026-01-01", b"2026-03-05")
    assert dated(b"updated", date(2026, 3, 5)) == b"updated"


def test_undo_brings_the_version_before_back_and_forth(folder: Path, tmp_path: Path) -> None:
    path, versions = folder / "sop/quarrel.md", tmp_path / "versions"
    path.chmod(0o640)
    first = path.read_bytes()
    keep(path, b"second", versions)
    assert path.read_bytes() == b"second"
    undo(path, versions)
    assert path.read_bytes() == first
    undo(path, versions)
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(each.name for each in path.parent.iterdir()) == ["quarrel.md"]


def test_undo_without_an_edit_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="earlier"):
        undo(folder / "sop/quarrel.md", tmp_path / "versions")


def test_files_of_one_name_keep_versions_of_their_own(folder: Path, tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    other = folder / "playbook/增长/quarrel.md"
    other.write_bytes(b"other")
    keep(folder / "sop/quarrel.md", b"new", versions)
    keep(other, b"newer", versions)
    undo(other, versions)
    assert other.read_bytes() == b"other"


def test_an_edit_that_cannot_be_kept_changes_nothing(folder: Path, tmp_path: Path) -> None:
    path = folder / "sop/quarrel.md"
    first = path.read_bytes()
    (tmp_path / "versions").write_text("a file, not a folder", "utf-8")
    with pytest.raises(BadInput, match="cannot be kept"):
        keep(path, b"second", tmp_path / "versions")
    assert path.read_bytes() == first
