"""The command line: quick to start, documented keys, plain errors, any input."""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from copilot.app import Copilot, lock_home
from copilot.cli import main as cli
from copilot.settings import environment
from tests.conftest import DOCUMENTS, SECRET, settings_for, write_documents

BUDGET = "办一场线下读书会的预算是多少？"
NOWHERE = "火星上的氧气浓度是多少？"


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
def indexed(
    tmp_path_factory: pytest.TempPathFactory, sample_playbook: Path, toy_embedder: Path
) -> Path:
    """A home with the sample playbook in it; not to be touched."""
    home = tmp_path_factory.mktemp("indexed")
    with Copilot(settings_for(home, embedder=str(toy_embedder)), doing="pytest") as copilot:
        copilot.index([sample_playbook])
    return home


@pytest.fixture
def home(indexed: Path, tmp_path: Path) -> Path:
    """The home that `run` uses, with the sample playbook in it."""
    # Without the index: building one of ten passages is quicker than checking it in a child.
    shutil.copytree(indexed, tmp_path / "home", ignore=shutil.ignore_patterns("index"))
    return tmp_path / "home"


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    toy_embedder: Path,
) -> Run:
    """Run a command of this process's own `main`, in a folder of its own.

    With a small embedder, which the gate is not made for: answers pass it, unless a test closes it.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COPILOT_EMBEDDER", str(toy_embedder))
    monkeypatch.setenv("COPILOT_HOME", str(tmp_path / "home"))

    def run_(*args: object, stdin: bytes = b"", gate: float = 0) -> Told:
        monkeypatch.setenv("COPILOT_GATE", str(gate))
        monkeypatch.setattr(sys, "argv", ["copilot", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Told(status, out, err)

    return run_


# Starting ----------------------------------------------------------------------------------------

HELP = """
import sys
from copilot.cli import main as cli
sys.argv = ["copilot", "--help"]
try:
    cli.main()
except SystemExit:
    pass
print(sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def test_help_imports_nothing_heavy_and_takes_half_a_second() -> None:
    best = 9.0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0
    assert best < 0.5
    imported = set(json.loads(done.stderr.replace("'", '"')))
    heavy = {"torch", "gradio", "chromadb", "langchain", "langchain_core", "langgraph", "numpy",
             "sentence_transformers", "sqlalchemy", "fastapi", "pydantic", "jieba", "opencc",
             "model2vec", "markitdown"}  # fmt: skip
    assert imported & heavy == set()
    assert {"typer", "copilot"} <= imported


ANSWER = """
import sys
from copilot.cli import main as cli
sys.argv = ["copilot", "ask", "怎么提高群活跃度？"]
try:
    cli.main()
except SystemExit:
    pass
print(sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def test_answering_imports_no_torch_and_no_console(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ANSWER],
        env=environment() | {"COPILOT_HOME": str(home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "[1]" in done.stdout
    imported = set(json.loads(done.stderr.splitlines()[-1].replace("'", '"')))
    assert imported & {"torch", "sentence_transformers", "gradio", "tensorflow", "pandas"} == set()


@pytest.mark.parametrize(
    "command",
    [
        "index",
        "search",
        "ask",
        "chat",
        "gaps",
        "serve",
        "doctor",
        "version",
        "keys",
        "keys create",
        "keys list",
        "keys revoke",
        "train embedder",
    ],
)
def test_every_command_says_what_it_does(run: Run, command: str) -> None:
    told = run(*command.split(), "--help")
    assert told.status == 0
    assert len(told.out.split("\n")[2].strip()) > 10


# JSON --------------------------------------------------------------------------------------------


def test_version(run: Run) -> None:
    assert run("version", "--json").objects == [{"version": run("version").out.strip()}]


def test_ask_has_the_documented_keys(run: Run, home: Path) -> None:
    (answer,) = run("ask", BUDGET, "--as", "member", "--json").objects
    assert {"q", "text", "citations", "facts", "refused", "handoff", "confidence"} <= set(answer)
    assert answer["q"] == BUDGET
    assert (answer["refused"], answer["handoff"], answer["facts"]) == (False, False, [])
    assert 0 < answer["confidence"] <= 1
    assert set(answer["citations"][0]) == {"n", "id", "title", "section", "source", "text"}
    assert "1500元" in answer["text"]
    (refused,) = run("ask", NOWHERE, "--json", gate=1).objects
    assert (refused["refused"], refused["handoff"], refused["citations"]) == (True, True, [])


def test_search_has_the_documented_keys(run: Run, home: Path) -> None:
    (found,) = run("search", "一场读书会的预算是1500元", "--k", "3", "--json").objects
    assert set(found) == {"q", "hits"}
    assert len(found["hits"]) == 3
    assert set(found["hits"][0]) == {"id", "title", "section", "source", "text", "score"}
    assert found["hits"][0]["section"] == "预算"
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_an_explained_search_says_why_each_passage_came_up(run: Run, home: Path) -> None:
    question = "有人要退钱怎么办"
    (plain,) = run("search", question, "--k", "3", "--json").objects
    (told,) = run("search", question, "--k", "3", "--explain", "--json").objects
    whys = [hit.pop("why") for hit in told["hits"]]
    assert told == plain
    assert [set(why) for why in whys] == [
        {"bm25", "similarity", "body", "statement", "ask", "asked", "words", "terms"}
    ] * 3
    (place,) = [n for n, hit in enumerate(plain["hits"]) if hit["source"].endswith("refund.md")]
    assert (whys[place]["asked"], whys[place]["ask"]) == (question, pytest.approx(1.0, abs=1e-3))
    assert whys[place]["bm25"] > 0
    assert isinstance(whys[place]["words"], list)


def test_an_explained_search_tells_people_in_words(run: Run, home: Path) -> None:
    (home / "glossary.csv").write_text("term,synonyms\n茶点,蓝莓派\n", "utf-8")
    told = run("search", "一场读书会的蓝莓派", "--k", "1", "--explain")
    assert told.status == 0
    assert "读书会" in told.out.partition("words (BM25 ")[2].splitlines()[0]
    assert "glossary: 蓝莓派 → 茶点" in told.out
    assert "cosines: passage " in told.out
    asked = run("search", "有人要退钱怎么办", "--k", "1", "--explain")
    assert "nearest ask 1.00 (有人要退钱怎么办)" in asked.out
    assert "glossary:" not in run("search", "第七天", "--explain", "--k", "1").out
    assert "cosines" not in run("search", "一场读书会的蓝莓派", "--k", "1").out


def test_index_tells_of_every_file(run: Run, tmp_path: Path) -> None:
    folder = write_documents(tmp_path / "docs", DOCUMENTS)
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 broken")
    told = run("index", folder, "--json").objects
    assert {each["source"]: each["status"] for each in told} == {
        **dict.fromkeys(DOCUMENTS, "read"),
        "bad.pdf": "failed",
    }
    assert all(
        {"root", "source", "status", "reason", "passages", "cleaning"} <= set(each) for each in told
    )
    assert all(each["reason"] for each in told if each["status"] == "failed")
    assert run("index", "--remove", folder, "--json").objects == [{"removed": len(DOCUMENTS)}]


def test_keys_are_made_listed_and_revoked(run: Run, home: Path) -> None:
    (made,) = run("keys", "create", "--role", "bot", "--name", "飞书", "--json").objects
    assert set(made) == {"id", "role", "name", "key"}
    (listed,) = run("keys", "list", "--json").objects
    assert (listed["id"], listed["role"], listed["revoked"]) == (made["id"], "bot", None)
    assert made["key"] not in json.dumps(listed)
    assert run("keys", "revoke", made["id"]).status == 0
    assert "revoked" in run("keys", "list").out


def test_gaps_are_listed(run: Run, home: Path) -> None:
    run("ask", "--file", "-", "--as", "member", stdin=f"{NOWHERE}\n{NOWHERE}".encode(), gate=1)
    (gap,) = run("gaps", "--json").objects
    assert (gap["question"], gap["times"], gap["audience"]) == (NOWHERE, 2, "member")
    assert NOWHERE in run("gaps").out


def test_doctor_finds_nothing_wrong_and_says_what_it_looked_at(run: Run, home: Path) -> None:
    told = run("doctor", "--json")
    found = {each["name"]: each for each in told.objects}
    assert {"home", "disk", "model", "playbook", "index", "embedder", "keys"} <= set(found)
    assert [each["found"] for each in told.objects if not each["ok"]] == []
    assert told.status == 0


def test_doctor_names_what_is_wrong(run: Run, tmp_path: Path) -> None:
    told = run("doctor", "--json")
    (wrong,) = [each for each in told.objects if not each["ok"]]
    assert wrong["name"] == "playbook"
    assert "copilot index" in wrong["remedy"]
    assert told.status == 1
    lock = lock_home(tmp_path / "home", "copilot serve")
    try:
        told = run("doctor")
        assert "FAIL  lock" in told.out
        assert "copilot serve" in told.out
    finally:
        lock.release()


# For people --------------------------------------------------------------------------------------


def test_answers_for_people_are_the_text(run: Run, home: Path) -> None:
    told = run("ask", BUDGET, "--as", "member")
    assert "1500元" in told.out
    assert "来源：[1]" in told.out
    assert told.err == ""


def test_index_ends_with_who_may_be_cited(run: Run, tmp_path: Path) -> None:
    folder = write_documents(tmp_path / "docs", DOCUMENTS)
    told = run("index", folder)
    assert "5 read" in told.out
    assert "everybody, members included" in told.out
    told = run("index", folder, "--audience", "operator")
    assert "staff only" in told.out
    # Not named again, it stays as it was.
    told = run("index", folder)
    assert "staff only" in told.out
    assert "members" not in told.out


def test_members_are_told_what_members_may_know(run: Run, home: Path) -> None:
    told = run("ask", "退款的内部口令是什么？", "--as", "member", "--json")
    assert SECRET not in told.out
    assert SECRET in run("ask", "退款的内部口令是什么？", "--as", "operator").out
    assert SECRET in run("ask", "退款的内部口令是什么？", "--as", "trainee").out


def test_chat_goes_on_until_an_empty_line(run: Run, home: Path) -> None:
    talk = "线下读书会怎么办？\n那预算呢？\n\n不再回答\n".encode()
    told = run("chat", "--as", "member", stdin=talk)
    assert "1500元" in told.out
    # The thread is kept: another process goes on with it.
    assert "1500元" in run("chat", "--as", "member", stdin="那预算呢？\n".encode()).out


def test_chat_survives_a_question_that_is_too_long(run: Run, home: Path) -> None:
    told = run("chat", stdin=("问" * 5000 + f"\n{BUDGET}\n").encode())
    assert "5000 characters" in told.err
    assert "1500元" in told.out


# Batches -----------------------------------------------------------------------------------------

LINES = f"{BUDGET}\n\n  {NOWHERE}  \n"


def test_a_file_of_plain_lines(run: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text(LINES, "utf-8-sig")
    told = run("ask", "--file", tmp_path / "q.txt", "--json").objects
    assert [each["q"] for each in told] == [BUDGET, NOWHERE]
    assert [bool(each["citations"]) for each in told] == [True, True]


def test_a_file_of_json_lines_keeps_the_other_keys(run: Run, home: Path, tmp_path: Path) -> None:
    lines = [
        {"q": BUDGET, "id": "q1", "split": "dev"},
        {"question": "怎么提高群活跃度？\u2028真的", "id": 7},
        {"text": NOWHERE, "note": {"a": [1]}},
    ]
    content = "".join(json.dumps(each, ensure_ascii=False) + "\r\n" for each in lines)
    (tmp_path / "q.jsonl").write_text(content, "utf-8", newline="")
    told = run("ask", "--file", tmp_path / "q.jsonl", "--json").objects
    assert len(told) == 3
    assert (told[0]["id"], told[0]["split"], told[0]["q"]) == ("q1", "dev", BUDGET)
    assert told[1]["id"] == 7
    assert told[2]["note"] == {"a": [1]}
    assert told[2]["q"] == NOWHERE
    found = run("search", "--file", tmp_path / "q.jsonl", "--json", "--k", "1").objects
    assert [each.get("id") for each in found] == ["q1", 7, None]
    assert all(len(each["hits"]) == 1 for each in found)


def test_standard_input(run: Run, home: Path) -> None:
    told = run("ask", "--file", "-", "--json", stdin=LINES.encode("utf-8-sig")).objects
    assert [each["q"] for each in told] == [BUDGET, NOWHERE]


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_gives_nothing(run: Run, home: Path, content: bytes) -> None:
    told = run("ask", "--file", "-", "--json", stdin=content)
    assert (told.status, told.out, told.err) == (0, "", "")


# Errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "stdin", "words"),
    [
        (["ask"], b"", "--file"),
        (["ask", ""], b"", "empty"),
        (["search", "  "], b"", "empty"),
        (["ask", "--file", "nowhere.txt"], b"", "nowhere.txt"),
        (["ask", "--file", "-"], b'{"q": \n', "line 1"),
        (["ask", "--file", "-"], b'\n{"a": 1}\n', "line 2"),
        (["ask", "--file", "-"], b'{"q": 5}\n', "line 1"),
        (["ask", "--file", "-"], b"\xff\xfe\xfa\n", "UTF-8"),
        (["index", "nowhere"], b"", "nowhere"),
        (["index"], b"", "copilot index PATH"),
        (["index", "--remove", "nowhere"], b"", "not indexed"),
        (["keys", "create", "--role", "root"], b"", "admin, operator, trainer, bot"),
        (["keys", "revoke", "nope"], b"", "keys list"),
    ],
)
def test_expected_errors_are_one_line(run: Run, args: list[str], stdin: bytes, words: str) -> None:
    told = run(*args, stdin=stdin)
    assert told.status == 1
    assert told.out == ""
    assert told.err.startswith("copilot: ")
    assert words in told.err
    assert len(told.err.splitlines()) == 1


def test_nothing_is_answered_when_a_line_cannot_be_read(run: Run, home: Path) -> None:
    told = run("ask", "--file", "-", stdin=f"{BUDGET}\n{{broken\n".encode())
    assert (told.status, told.out) == (1, "")
    assert "line 2" in told.err


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("COPILOT_PORT", "many", "port"),
        ("COPILOT_DATABASE_URL", "nonsense", "postgresql://"),
        ("COPILOT_EMBEDDER", "./nowhere", "COPILOT_EMBEDDER"),
        ("COPILOT_MODEL", "nobody:x", "COPILOT_MODEL"),
        ("COPILOT_HOME", "/proc/nowhere", "COPILOT_HOME"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    told = run("ask", BUDGET)
    assert told.status == 1
    assert words in told.err
    assert len(told.err.splitlines()) == 1


def test_a_home_in_use_is_named(run: Run, home: Path) -> None:
    lock = lock_home(home, "copilot serve")
    try:
        told = run("ask", BUDGET)
    finally:
        lock.release()
    assert told.status == 1
    assert "`copilot serve`" in told.err


def test_damaged_records_are_named(run: Run, home: Path) -> None:
    (home / "records.db").write_bytes(b"\x8a" * 9000)
    told = run("ask", BUDGET)
    assert told.status == 1
    assert "backups" in told.err


@pytest.mark.parametrize("locale", ["C", "en_US.ISO-8859-1"])
def test_any_locale_prints_chinese(
    home: Path, tmp_path: Path, toy_embedder: Path, locale: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from copilot.cli.main import main; main()", "ask", "--file", "-"],
        env=environment() | {"COPILOT_HOME": str(home), "COPILOT_EMBEDDER": str(toy_embedder),
                             "COPILOT_GATE": "0", "LC_ALL": locale, "PYTHONUTF8": "0",
                             "PYTHONCOERCECLOCALE": "0"},
        input=f"{BUDGET}\n".encode(),
        cwd=tmp_path,
        capture_output=True,
    )  # fmt: skip
    assert done.stderr == b""
    assert "1500元" in done.stdout.decode("utf-8")


def test_a_reader_that_leaves_ends_the_command_quietly(
    home: Path, tmp_path: Path, toy_embedder: Path
) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-c", "from copilot.cli.main import main; main()", "search", "群规"],
            env=environment() | {"COPILOT_HOME": str(home), "COPILOT_EMBEDDER": str(toy_embedder)},
            cwd=tmp_path,
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert "Traceback" not in done.stderr
    assert done.stderr == ""
