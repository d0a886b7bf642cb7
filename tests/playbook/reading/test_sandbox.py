"""Child processes: confined, watched, replaced, gone with their parent."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from copilot.playbook.reading.sandbox import Sandbox, Sandboxes
from tests.conftest import wait_until
from tests.playbook.files_made import SENTENCE, docx, paragraph, slow_docx

BOUNDS = {"member_mb": 64, "total_mb": 256, "ratio": 200, "files": 1000}


def limits(**changed: Any) -> dict[str, Any]:
    return {
        "seconds": 30.0,
        "memory_mb": 512,
        "text_chars": 1_000_000,
        "bounds": BOUNDS,
        **changed,
    }


def job(path: Path, kind: str = "text") -> dict[str, Any]:
    given = os.fsencode(path).decode("latin-1")
    return {"path": given, "source": path.name, "kind": kind, "known": {}, "skip": 0}


@contextmanager
def sandbox(**changed: Any) -> Iterator[Sandbox]:
    made = Sandbox(limits(**changed))
    try:
        yield made
    finally:
        made.close()
        made.reap()


def children() -> list[psutil.Process]:
    """The reading children of this process."""
    return [
        child
        for child in psutil.Process().children()
        if "copilot.playbook.reading.reader" in child.cmdline()
    ]


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text(SENTENCE, "utf-8")
    return path


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "book.docx"
    path.write_bytes(slow_docx())
    return path


def test_one_child_serves_many_files(note: Path) -> None:
    with sandbox() as reading:
        for _ in range(3):
            [(begin, _), (found, text)] = list(reading.ask(job(note)))
            assert begin["source"] == "note.txt"
            assert (found["status"], text) == ("read", SENTENCE)
            [child] = children()
            first = child.pid
        assert [child.pid for child in children()] == [first]
    assert children() == []


def test_a_child_that_takes_too_long_is_killed_and_replaced(note: Path, book: Path) -> None:
    with sandbox() as reading:
        messages = reading.ask(job(book, "docx"))
        assert next(messages)[0]["event"] == "begin"
        reading.watch(time.monotonic() + 29)
        reading.watch(time.monotonic() + 31)
        assert [message for message, _ in messages] == [{"event": "lost", "cause": "time"}]
        assert [message["event"] for message, _ in reading.ask(job(note))] == ["begin", "reading"]


def test_a_child_that_holds_too_much_is_killed(note: Path, book: Path) -> None:
    given = limits()
    reading = Sandbox(given)
    assert len(list(reading.ask(job(note)))) == 2
    # What the child has been told stays; only the watch from outside is tightened.
    given["memory_mb"] = 4
    messages = reading.ask(job(book, "docx"))
    next(messages)
    reading.watch(time.monotonic())
    assert [message for message, _ in messages] == [{"event": "lost", "cause": "memory"}]
    reading.close()
    reading.reap()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_child_that_dies_says_by_which_signal(book: Path, note: Path, number: int) -> None:
    with sandbox() as reading:
        messages = reading.ask(job(book, "docx"))
        next(messages)
        [child] = children()
        child.send_signal(number)
        [(last, _)] = list(messages)
        assert last["event"] == "lost"
        assert signal.Signals(number).name in last["cause"]
        assert [message["event"] for message, _ in reading.ask(job(note))] == ["begin", "reading"]
        [replaced] = children()
        assert replaced.pid != child.pid


def test_the_memory_limit_stops_a_hog_and_the_child_is_replaced(tmp_path: Path, note: Path) -> None:
    hog = tmp_path / "hog.json"
    # Each empty list takes 64 bytes in memory for 3 in the file: 150 MB in all.
    hog.write_text(f"[{'[],' * 2_400_000}[]]")
    with sandbox(memory_mb=96) as reading:
        [_, (found, _)] = list(reading.ask(job(hog, "json")))
        assert (found["status"], found["exhausted"]) == ("failed", True)
        assert [message["event"] for message, _ in reading.ask(job(note))] == ["begin", "reading"]


def test_a_child_can_write_no_file_and_sees_no_secret(
    note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("COPILOT_MODEL_API_KEY", "sk-secret")
    word = tmp_path / "word.docx"
    word.write_bytes(docx(paragraph(SENTENCE)))
    with sandbox() as reading:
        list(reading.ask(job(note)))
        list(reading.ask(job(word, "docx")))
        [child] = children()
        seen = child.environ()
        bounds = {
            name: child.rlimit(getattr(psutil, name))[0]
            for name in ("RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_DATA")
        }
    assert seen["TMPDIR"] == str(folder)
    assert "sk-secret" not in str(seen)
    assert bounds == {"RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0, "RLIMIT_DATA": 512 << 20}
    assert list(folder.iterdir()) == []


def test_leaving_an_answer_half_read_costs_the_child_only(note: Path, book: Path) -> None:
    with sandbox() as reading:
        messages = reading.ask(job(book, "docx"))
        next(messages)
        messages.close()
        assert children() == []
        assert len(list(reading.ask(job(note)))) == 2


def test_closing_a_pool_ends_its_children_in_the_middle_of_their_work(book: Path) -> None:
    with Sandboxes(2, limits()) as pool:
        futures = [pool.submit(lambda each: list(each.ask(job(book, "docx")))) for _ in range(4)]
        wait_until(lambda: len(children()) == 2)
    assert children() == []
    assert [future.cancelled() for future in futures[2:]] == [True, True]
    assert [future.result()[-1][0]["event"] for future in futures[:2]] == ["lost", "lost"]


def test_children_die_with_a_parent_that_is_killed(book: Path) -> None:
    program = textwrap.dedent(f"""
        from pathlib import Path
        from copilot.playbook.read import Limits, read
        list(read(Path({str(book.parent)!r}), Limits(), workers=1))
    """)
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        seen = psutil.Process(parent.pid)
        wait_until(lambda: bool(seen.children()))
        [child] = seen.children()
        # In the middle of its work: it starts with a quarter of this.
        wait_until(lambda: child.memory_info().rss > 60 << 20)
        parent.kill()
    killed = time.monotonic()
    wait_until(lambda: gone(child.pid), seconds=2)
    assert time.monotonic() - killed < 2


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ("b'noise ' * 10_000", "ended (0)"),
        ("frame(b'[1]')", "ended (0)"),
        ('frame(b\'{"event": "end", "bytes": 999999999999}\')', "ended (0)"),
        ('frame(b\'{"event": "begin", "source": 7, "bytes": 0}\')', "ended (0)"),
        ('frame(b\'{"event": "reading", "status": "owned", "bytes": 0}\')', "ended (0)"),
        ('frame(b\'{"event": "boo", "bytes": 0}\')', "ended (0)"),
        ("sys.exit(3)", "ended (3)"),
    ],
)
def test_a_child_that_speaks_nonsense_is_lost_and_no_more(
    answer: str, cause: str, note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text(
        f"#!{sys.executable}\nimport struct, sys\n"
        "def frame(body):\n    return struct.pack('>I', len(body)) + body\n"
        f"sys.stdout.buffer.write({answer})\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with sandbox() as reading:
        assert list(reading.ask(job(note))) == [({"event": "lost", "cause": cause}, "")]


def test_a_child_that_cannot_be_started(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with sandbox() as reading:
        [(last, _)] = list(reading.ask(job(note)))
    assert last == {"event": "lost", "cause": "could not be started"}


def test_starting_a_child_imports_no_office_library() -> None:
    program = (
        "import sys, copilot.playbook.reading.reader\n"
        "print({'markitdown', 'numpy', 'lxml', 'openpyxl', 'pypdfium2', 'bs4', 'pydantic'}"
        " & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n"
