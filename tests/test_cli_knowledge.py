"""`copilot knowledge`: what each command prints, for people and programs, and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from copilot.cli import main as cli
from tests.playbook.authoring.knowledge_made import make_knowledge, make_sources


@dataclass
class Told:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """One JSON object per line."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Told]


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up source documents; not to be touched."""
    return make_sources(tmp_path_factory.mktemp("documents"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A knowledge folder with nothing wrong in it."""
    return make_knowledge(tmp_path / "knowledge")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `copilot knowledge …` in this process, with a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COPILOT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where copies are left
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)

    def run_(*args: object, stdin: str = "") -> Told:
        monkeypatch.setattr(sys, "argv", ["copilot", "knowledge", *map(str, args)])
        stream = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", stream)
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Told(status, out, err)

    return run_


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


HEAVY = """
import sys
import copilot.cli.knowledge
print(sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_importing_the_commands_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HEAVY], capture_output=True, text=True, check=True)
    imported = set(json.loads(done.stdout.replace("'", '"')))
    assert imported & {"torch", "chromadb", "gradio", "numpy", "yaml", "opencc", "rich"} == set()


# Check and list ----------------------------------------------------------------------------------


def test_check_of_a_sound_folder_ends_well(run: Run, folder: Path, documents: Path) -> None:
    told = run("check", folder, "--sources", documents)
    assert told.status == 0
    assert "4 entries, 64 asks, 2 cases, 2 benchmarks, 400 glossary groups" in told.out
    assert "4 of 4 source sections covered" in told.out
    assert "0 problems, 0 warnings" in told.out
    assert str(documents) in told.out


def test_check_tells_each_problem_and_fails(run: Run, folder: Path, documents: Path) -> None:
    change(folder / "sop/quarrel.md", "[[growth-stay]]", "[[gone]]")
    told = run("check", folder, "--sources", documents)
    assert told.status == 1
    assert "[[gone]] is no entry." in told.out  # no markup of rich's
    told = run("check", folder, "--sources", documents, "--json")
    assert told.status == 1
    problem, last = told.objects
    assert (problem["file"], problem["line"], problem["rule"]) == ("sop/quarrel.md", 44, "links")
    assert problem["remedy"]
    assert last["ok"] is False
    assert last["summary"]["entries"] == 4


def test_a_warning_fails_nothing(run: Run, folder: Path, documents: Path) -> None:
    change(folder / "sop/quarrel.md", "吵起来了第3问", "退钱第3问")
    told = run("check", folder, "--sources", documents)
    assert (told.status, "(warning)" in told.out) == (0, True)


def test_the_digest_stands_in_for_the_documents(run: Run, folder: Path, documents: Path) -> None:
    assert run("sources", "--from", documents, "--knowledge", folder).status == 0
    told = run("check", folder, "--json")
    assert told.status == 0
    assert "digest" in told.objects[-1]["summary"]["origin"]
    change(folder / "sop/quarrel.md", "答复时限：24小时", "答复时限：25小时")
    assert [each["rule"] for each in run("check", folder, "--json").objects[:-1]] == ["figures"]


@pytest.mark.parametrize("args", [["check", "nowhere"], ["check", "--sources", "nowhere"]])
def test_a_folder_that_is_not_there_is_told(run: Run, args: list[str]) -> None:
    told = run(*args)
    assert (told.status, "'nowhere'" in told.err) == (1, True)


def test_list_shows_what_matches(run: Run, folder: Path) -> None:
    told = run("list", "--knowledge", folder, "--stage", "成长", "--folder", "sop", "--json")
    (entry,) = told.objects
    assert (entry["id"], entry["file"], entry["asks"]) == ("sop-quarrel", "sop/quarrel.md", 16)
    told = run("list", "--knowledge", folder, "--tag", "留存")
    assert "growth-stay" in told.out
    assert "1 entries, 16 asks" in told.out
    assert "One of" in run("list", "--knowledge", folder, "--stage", "幼儿").err


# Upkeep ------------------------------------------------------------------------------------------


def test_stale_lists_the_old_and_those_whose_source_changed(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    documents = make_sources(tmp_path / "documents")
    run("sources", "--from", documents, "--knowledge", folder)
    assert len(run("stale", "--knowledge", folder, "--days", 0, "--json").objects) == 4
    quiet = run("stale", "--knowledge", folder, "--days", 99999, "--sources", documents)
    assert "0 entries" in quiet.out
    change(documents / "901_questions.txt", "听双方说完", "先分开双方")
    told = run("stale", "--knowledge", folder, "--days", 99999, "--sources", documents, "--json")
    assert [(each["id"], each["changed"]) for each in told.objects] == [("sop-quarrel", ["901#Q2"])]


def test_duplicates_are_listed(run: Run, folder: Path) -> None:
    text = (folder / "sop/quarrel.md").read_text("utf-8").replace("id: sop-", "id: sop-other-")
    (folder / "sop/other.md").write_text(text, "utf-8")
    (pair,) = run("duplicates", "--knowledge", folder, "--json").objects
    assert {pair["one"], pair["other"]} == {"sop-quarrel", "sop-other-quarrel"}
    assert pair["similarity"] > 0.99
    assert len(pair["shared_asks"]) == 16
    assert "6 pairs" in run("duplicates", "--knowledge", folder, "--threshold", -1).out


# Writing -----------------------------------------------------------------------------------------


def test_new_writes_a_skeleton(run: Run, folder: Path, documents: Path) -> None:
    run("sources", "--from", documents, "--knowledge", folder)
    told = run(
        *("new", "老带新", "--folder", "增长", "--source", "900#1.1", "--source", "901#Q1"),
        *("--stage", "种子", "--knowledge", folder, "--json"),
    )
    (made,) = told.objects
    text = Path(made["file"]).read_text("utf-8")
    assert f"id: {made['id']}\n" in text
    assert 'sources: ["900#1.1", "901#Q1"]' in text
    assert f"updated: {date.today()}" in text
    assert run("new", "x", "--folder", "没有", "--knowledge", folder).status == 1
    told = run("new", "怎么退课", "--folder", "members", "--knowledge", folder, "--json")
    assert "audience: member\n" in Path(told.objects[0]["file"]).read_text("utf-8")


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set an editor that replaces a text in the file by the next of those given, each time."""

    def set_(old: str, *new: str) -> None:
        script = tmp_path / "the editor.py"
        count = tmp_path / "count"
        script.write_text(
            "import pathlib, sys\n"
            f"count = pathlib.Path({str(count)!r})\n"
            "turn = int(count.read_text()) if count.exists() else 0\n"
            "count.write_text(str(turn + 1))\n"
            f"before, *after = {[old, *new]!r}\n"
            "path = pathlib.Path(sys.argv[1])\n"
            "text = path.read_text('utf-8')\n"
            "old = before if turn == 0 else after[turn - 1]\n"
            "path.write_text(text.replace(old, after[turn]), 'utf-8')\n",
            "utf-8",
        )
        monkeypatch.setenv("EDITOR", f"{sys.executable} '{script}'")

    return set_


def test_a_right_edit_is_kept_dated_and_taken_back(
    run: Run, folder: Path, documents: Path, editor: Callable[..., None]
) -> None:
    path = folder / "sop/quarrel.md"
    before = path.read_text("utf-8")
    editor("只听一边。", "只听先说的一边。")
    told = run("edit", "sop-quarrel", "--knowledge", folder, "--sources", documents)
    assert (told.status, "Kept" in told.out) == (0, True)
    after = path.read_text("utf-8")
    assert after == before.replace("只听一边。", "只听先说的一边。").replace(
        "updated: 2026-03-01", f"updated: {date.today()}"
    )
    assert run("edit", "sop-quarrel", "--knowledge", folder, "--undo").status == 0
    assert path.read_text("utf-8") == before


@pytest.mark.parametrize(
    ("answers", "kept"),
    [("d\n", "答复时限：24小时"), ("?\nk\n", "答复时限：25小时"), ("e\n", "时限：24小时内")],
)
def test_a_wrong_edit_is_kept_only_when_the_operator_says_so(
    run: Run, folder: Path, documents: Path, editor: Callable[..., None], answers: str, kept: str
) -> None:
    path = folder / "sop/quarrel.md"
    editor("答复时限：24小时", "答复时限：25小时", "时限：24小时内")
    told = run("edit", "sop-quarrel", "--knowledge", folder, "--sources", documents, stdin=answers)
    assert told.status == 0
    assert "25小时 is not in 901#Q2." in told.out
    assert kept in path.read_text("utf-8")


def test_without_an_answer_nothing_is_kept_and_nothing_lost(
    run: Run, folder: Path, documents: Path, editor: Callable[..., None]
) -> None:
    path = folder / "sop/quarrel.md"
    before = path.read_text("utf-8")
    editor("24小时", "25小时")
    told = run("edit", "sop-quarrel", "--knowledge", folder, "--sources", documents)
    assert told.status == 1
    assert path.read_text("utf-8") == before
    copy = Path(told.out.rsplit("your copy is ", 1)[1].strip().rstrip("."))
    assert "25小时" in copy.read_text("utf-8")


def test_an_id_others_link_to_is_not_changed_unseen(
    run: Run, folder: Path, documents: Path, editor: Callable[..., None]
) -> None:
    editor("id: growth-start", "id: growth-begin")
    told = run(
        *("edit", "growth-start", "--knowledge", folder, "--sources", documents), stdin="d\n"
    )
    assert "[[growth-start]] is no entry." in told.out


def test_an_entry_changed_meanwhile_is_not_written_over(
    run: Run, folder: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = folder / "sop/quarrel.md"
    script = tmp_path / "two.py"
    script.write_text(
        "import pathlib, sys\n"
        f"for path in (sys.argv[1], {str(path)!r}):\n"
        "    text = pathlib.Path(path).read_text('utf-8')\n"
        "    pathlib.Path(path).write_text(text.replace('只听一边', path[-3:]), 'utf-8')\n",
        "utf-8",
    )
    change(path, "只听一边。", "只听一边。只听一边。")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    told = run("edit", "sop-quarrel", "--knowledge", folder, "--sources", documents, stdin="k\n")
    assert (told.status, "changed meanwhile" in told.err) == (1, True)


def test_an_edit_of_nothing_keeps_nothing(
    run: Run, folder: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "true")
    told = run("edit", "sop-quarrel", "--knowledge", folder, "--sources", documents)
    assert (told.status, told.out) == (0, "Nothing changed.\n")
    assert run("edit", "sop-quarrel", "--knowledge", folder, "--undo").status == 1


@pytest.mark.parametrize("command", ["false", "no-such-editor-anywhere"])
def test_an_editor_that_fails_is_told(
    run: Run, folder: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("EDITOR", command)
    told = run("edit", "sop-quarrel", "--knowledge", folder, "--sources", documents)
    assert (told.status, "editor" in told.err) == (1, True)


def test_without_any_editor_the_remedy_is_told(
    run: Run, folder: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = run("edit", "sop-quarrel", "--knowledge", folder, "--sources", documents)
    assert (told.status, "EDITOR=" in told.err) == (1, True)


def test_an_unknown_id_names_near_ones(run: Run, folder: Path) -> None:
    told = run("edit", "growth-stat", "--knowledge", folder)
    assert (told.status, "growth-start" in told.err) == (1, True)
