"""Whole folders become text: every file ends with a verdict, none stops the rest."""

import hashlib
import os
import signal
import socket
import threading
import unicodedata
import zipfile
from pathlib import Path

import pytest

from copilot.errors import ReadError
from copilot.playbook.read import Limits, Reading, read
from tests.conftest import wait_until
from tests.playbook.files_made import (
    SENTENCE,
    TRADITIONAL,
    docx,
    noise,
    paragraph,
    pdf,
    pptx,
    raw_zip,
    slow_docx,
    zeros,
    zipped,
)
from tests.playbook.reading.test_sandbox import children


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def all_of(root: Path, limits: Limits | None = None, **given: object) -> dict[str, Reading]:
    readings = list(read(root, limits or Limits(), **given))
    found = {reading.source: reading for reading in readings}
    assert len(found) == len(readings)
    return found


def test_a_folder_of_everything(tmp_path: Path) -> None:
    files = {
        "a.md": f"# 一\n\n{SENTENCE}".encode(),
        "big5.txt": TRADITIONAL.encode("big5"),
        "in/deck.pptx": pptx([("题", "点", "")]),
        "in/faq.csv": "问题,答案\n几点,八点\n".encode("gbk"),
        "in/list.jsonl": b'{"q": 1}\nbad\n',
        "in/page.html": "<h1>页</h1>".encode(),
        "in/tree.json": b'{"a": {"b": 1}}',
        "paper.pdf": pdf([[SENTENCE]]),
        "word.docx": docx(paragraph("题", "1")),
        "bad.pdf": pdf([[SENTENCE]], password="secret"),
        "empty.md": b"",
        "blank.md": b" \n\t\n",
        "lie.txt": b"\x89PNG\r\n\x1a\n" + noise(500),
        "old.doc": b"x",
        ".hidden/a.md": b"x",
        ".DS_Store": b"x",
    }
    order = []
    found = all_of(
        write(tmp_path, files), progress=lambda done, total, source: order.append((done, source))
    )
    assert list(found) == sorted(found) == [source for _, source in order]
    assert [done for done, _ in order] == list(range(1, len(found) + 1))
    assert {source: each.text for source, each in found.items() if each.status == "read"} == {
        "a.md": f"# 一\n\n{SENTENCE}",
        "big5.txt": TRADITIONAL,
        "in/deck.pptx": "# 题\n点",
        "in/faq.csv": "- 问题：几点；答案：八点",
        "in/list.jsonl": "- q：1",
        "in/page.html": "# 页",
        "in/tree.json": "- a.b：1",
        "paper.pdf": SENTENCE,
        "word.docx": "# 题",
    }
    others = {source: (each.status, each.reason) for source, each in found.items() if not each.text}
    assert others == {
        ".DS_Store": ("skipped", "hidden; rename it to have it read"),
        ".hidden/": ("skipped", "hidden; rename it to have it read"),
        "bad.pdf": ("failed", "encrypted PDF; remove the password"),
        "blank.md": ("skipped", "empty"),
        "empty.md": ("skipped", "empty"),
        "lie.txt": ("failed", "not text: it is a PNG image; give it its right file extension"),
        "old.doc": ("skipped", "old Word format; save it as .docx"),
    }
    assert found["big5.txt"].encoding == "big5"
    assert found["in/list.jsonl"].reason == "1 of 2 lines are no JSON and left out: 2"
    assert found["word.docx"].digest == hashlib.sha256(files["word.docx"]).hexdigest()
    kinds = [found[name].kind for name in ("a.md", "in/faq.csv", "paper.pdf", "bad.pdf")]
    assert kinds == ["markdown", "csv", "pdf", "pdf"]
    assert children() == []


def test_a_single_file_and_no_file(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": b"x"})
    assert [each.source for each in read(tmp_path / "a.md", Limits())] == ["a.md"]
    with pytest.raises(ReadError, match=r"does not exist\. Check the path"):
        read(tmp_path / "b.md", Limits())


def test_an_empty_folder(tmp_path: Path) -> None:
    assert list(read(tmp_path, Limits())) == []


def test_the_order_and_the_texts_do_not_depend_on_the_workers(tmp_path: Path) -> None:
    write(tmp_path, {f"{n:02}.txt": f"第{n}篇".encode() for n in range(40)})
    one, four = (list(read(tmp_path, Limits(), workers=workers)) for workers in (1, 4))
    assert one == four
    assert [each.text for each in one] == [f"第{n}篇" for n in range(40)]


def test_children_are_reused(tmp_path: Path) -> None:
    write(tmp_path, {f"{n:02}.txt": b"text" for n in range(30)})
    seen: set[int] = set()
    for _ in read(tmp_path, Limits(), workers=2):
        seen |= {child.pid for child in children()}
    assert 1 <= len(seen) <= 2


def test_unchanged_files_are_not_read_again(tmp_path: Path) -> None:
    inner = zipped([("甲.md", "甲".encode()), ("乙.md", "乙".encode())])
    write(tmp_path, {"a.md": b"one", "b.md": b"two", "c.zip": inner})
    known = {source: each.digest for source, each in all_of(tmp_path).items()}
    write(
        tmp_path, {"b.md": b"three", "c.zip": zipped([("甲.md", b"new"), ("乙.md", "乙".encode())])}
    )
    found = all_of(tmp_path, known=known)
    assert {source: (each.reason, each.text) for source, each in found.items()} == {
        "a.md": ("unchanged", ""),
        "b.md": ("", "three"),
        "c.zip!/甲.md": ("", "new"),
        "c.zip!/乙.md": ("unchanged", ""),
    }
    assert {each.status for each in found.values()} == {"read"}
    assert found["a.md"].digest == known["a.md"]


def test_what_is_known_of_an_archive_that_fails_is_not_taken_for_gone(tmp_path: Path) -> None:
    write(tmp_path, {"c.zip": b"PK\x03\x04 broken", "d.md": b"x"})
    known = {"c.zip!/a.md": "1", "c.zip!/b.md": "2", "e.md": "3", "c.zipper.md": "4"}
    found = all_of(tmp_path, known=known)
    assert list(found) == ["c.zip", "c.zip!/a.md", "c.zip!/b.md", "d.md"]
    assert found["c.zip!/b.md"].status == "failed"
    assert found["c.zip!/b.md"].reason.startswith("not reached: damaged zip")


def test_names_that_differ_by_case_or_form_only_stay_apart(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "café.md") for form in ("NFC", "NFD"))
    names = ["a.md", "A.md", composed, apart, "群 规(1).md"]
    write(tmp_path, {name: name.encode() for name in names})
    found = all_of(tmp_path)
    assert {source: each.text for source, each in found.items()} == {name: name for name in names}


def test_a_name_that_is_no_utf_8_is_shown_and_read(tmp_path: Path) -> None:
    write(tmp_path, {os.fsdecode("群规".encode("gbk")) + ".md": b"text"})
    [reading] = read(tmp_path, Limits())
    assert reading.source == "Ⱥ\\xb9\\xe6.md"
    assert reading.text == "text"


def test_symbolic_links(tmp_path: Path) -> None:
    root = write(tmp_path / "root", {"a.md": b"a", "in/b.md": b"b", ".data/c.md": b"c"})
    write(tmp_path / "outside", {"secret.md": b"s"})
    (root / "outside.md").symlink_to(tmp_path / "outside" / "secret.md")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "inner").symlink_to(root / "in")
    (root / "again.md").symlink_to("a.md")
    (root / "mounted.md").symlink_to(".data/c.md")
    (root / "broken.md").symlink_to("nothing.md")
    (root / "circle.md").symlink_to("circle.md")
    found = all_of(root)
    read_ones = {source: each.text for source, each in found.items() if each.status == "read"}
    assert read_ones == {"a.md": "a", "in/b.md": "b", "mounted.md": "c"}
    reasons = {source: each.reason for source, each in found.items() if each.status == "skipped"}
    assert reasons == {
        ".data/": "hidden; rename it to have it read",
        "again.md": "same file as 'a.md'; nothing to do",
        "broken.md": "broken symbolic link; restore its target",
        "circle.md": "broken symbolic link; restore its target",
        "folder": "symbolic link out of the folder; copy its target here",
        "inner": "symbolic link to a folder; put the folder here",
        "outside.md": "symbolic link out of the folder; copy its target here",
    }


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.md"))
        found = all_of(tmp_path)
    assert {each.reason for each in found.values()} == {"no regular file; nothing to read"}


def test_a_line_of_1_gib_is_refused_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "line.txt").open("wb") as file:
        file.truncate(1 << 30)
    write(tmp_path, {"a.md": b"x"})
    found = all_of(tmp_path)
    assert (found["line.txt"].status, found["line.txt"].digest) == ("failed", "")
    assert found["line.txt"].reason == (
        "1024 MiB, the limit is 64 MiB; split it, or raise COPILOT_READ_FILE_MB"
    )
    assert found["a.md"].status == "read"


def test_a_text_longer_than_the_limit_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": b"x" * 1001, "b.txt": b"x" * 1000})
    found = all_of(tmp_path, Limits(text_chars=1000))
    assert found["a.txt"].reason == "text of more than 1000 characters; split the file"
    assert found["b.txt"].status == "read"


def test_a_file_that_goes_away_while_others_are_read(tmp_path: Path) -> None:
    write(tmp_path, {f"{n:02}.md": b"x" for n in range(20)})
    readings = read(tmp_path, Limits(), workers=1)
    first = next(readings)
    (tmp_path / "19.md").unlink()
    last = [first, *readings][-1]
    assert (last.source, last.status) == ("19.md", "failed")
    assert last.reason == "cannot be opened (No such file or directory); check the file"


def test_zips(tmp_path: Path) -> None:
    good = zipped(
        [
            ("甲/a.md", SENTENCE.encode("gbk")),
            ("b.docx", docx(paragraph("题", "1"))),
            ("inner.zip", zipped([("a.md", b"x")])),
            ("../up.md", b"x"),
            ("empty.md", b""),
            ("bad.pdf", b"%PDF-1.7 nothing"),
            ("__MACOSX/._a.md", b"x"),
        ]
    )
    write(
        tmp_path,
        {
            "bomb.zip": raw_zip([(b"a.md", zeros(4095), 4095 << 20), (b"b.md", b"\x03\x00", 0)]),
            "broken.zip": good[:-10],
            "empty.zip": zipped([]),
            "good.zip": good,
            "lie.zip": SENTENCE.encode(),
        },
    )
    found = all_of(tmp_path)
    assert {source: (each.status, each.reason or each.text) for source, each in found.items()} == {
        "bomb.zip!/a.md": (
            "failed",
            "zip bomb: inflates more than 200 times; delete it, or unpack it if you trust it",
        ),
        "bomb.zip!/b.md": ("skipped", "empty"),
        "broken.zip": ("failed", "damaged zip (File is not a zip file); pack it again"),
        "empty.zip": ("failed", "empty zip; put files into it"),
        "good.zip!/甲/a.md": ("read", SENTENCE),
        "good.zip!/b.docx": ("read", "# 题"),
        "good.zip!/inner.zip": ("failed", "zip within a zip; unpack it first"),
        "good.zip!/../up.md": (
            "failed",
            "unsafe name: path traversal (..); rename it and pack again",
        ),
        "good.zip!/empty.md": ("skipped", "empty"),
        "good.zip!/bad.pdf": (
            "failed",
            "damaged PDF (Failed to load document (PDFium: Data format error).); "
            "save or print it as PDF again",
        ),
        "good.zip!/__MACOSX/._a.md": ("skipped", "macOS resource fork; nothing to do"),
        "lie.zip": ("failed", "damaged zip (File is not a zip file); pack it again"),
    }
    assert found["good.zip!/甲/a.md"].encoding == "gb18030"


def test_a_file_that_takes_too_long_fails_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": b"a", "b.docx": slow_docx(), "c.txt": b"c"})
    found = all_of(tmp_path, Limits(seconds=0.75), workers=1)
    assert [each.status for each in found.values()] == ["read", "failed", "read"]
    assert found["b.docx"].reason == (
        "took longer than 0.75 s; split it, or raise COPILOT_READ_SECONDS"
    )


def test_a_file_that_takes_too_much_memory_fails_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": b"a", "b.json": b"[" + b"[]," * 2_400_000 + b"[]]", "c.txt": b"c"})
    found = all_of(tmp_path, Limits(memory_mb=96), workers=1)
    assert [each.status for each in found.values()] == ["read", "failed", "read"]
    assert found["b.json"].reason == (
        "needs more than 96 MiB of memory; split it, or raise COPILOT_READ_MEMORY_MB"
    )


def kill_when_busy(number: int) -> threading.Thread:
    """Send the next child that works on a Word file a signal."""

    def kill() -> None:
        wait_until(lambda: any(child.memory_info().rss > 60 << 20 for child in children()))
        for child in children():
            child.send_signal(number)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_file_that_takes_its_child_down_fails_alone(tmp_path: Path, number: int) -> None:
    write(tmp_path, {"a.txt": b"a", "b.docx": slow_docx(), "c.txt": b"c"})
    thread = kill_when_busy(number)
    found = all_of(tmp_path, workers=1)
    thread.join()
    assert [each.status for each in found.values()] == ["read", "failed", "read"]
    assert found["b.docx"].reason == (
        f"the reader crashed ({signal.Signals(number).name}) on it; convert it to another format"
    )


def test_a_member_that_takes_its_child_down_fails_alone(tmp_path: Path) -> None:
    members = [("a.md", b"a"), ("b.docx", slow_docx()), ("c.md", b"c"), ("d.md", b"d")]
    write(tmp_path, {"z.zip": zipped(members)})
    thread = kill_when_busy(signal.SIGKILL)
    found = all_of(tmp_path, workers=1)
    thread.join()
    assert {source: each.status for source, each in found.items()} == {
        "z.zip!/a.md": "read",
        "z.zip!/b.docx": "failed",
        "z.zip!/c.md": "read",
        "z.zip!/d.md": "read",
    }


def test_an_archive_that_keeps_taking_children_down_is_given_up(tmp_path: Path) -> None:
    book = slow_docx()
    members = [("a.md", b"a"), *[(f"{n}.docx", book) for n in range(5)]]
    write(tmp_path, {"z.zip": zipped(members), "after.md": b"x"})
    found = all_of(tmp_path, Limits(seconds=0.5), workers=1, known={"z.zip!/4.docx": "1"})
    statuses = {source: each.status for source, each in found.items()}
    assert statuses == {
        "after.md": "read",
        "z.zip!/a.md": "read",
        "z.zip!/0.docx": "failed",
        "z.zip!/1.docx": "failed",
        "z.zip!/2.docx": "failed",
        "z.zip": "failed",
        "z.zip!/4.docx": "failed",
    }
    assert found["z.zip"].reason == (
        "3 of its members stopped the reader; unpack it and remove them"
    )


def test_leaving_early_ends_the_children(tmp_path: Path) -> None:
    book = slow_docx()
    write(tmp_path, {"0.md": b"x", "1.docx": book, "2.docx": book})
    readings = read(tmp_path, Limits(), workers=2)
    assert next(readings).source == "0.md"
    readings.close()
    assert children() == []


def test_a_module_in_the_working_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"json.py": b"raise SystemExit('run')", "docs/a.md": b"x"})
    monkeypatch.chdir(tmp_path)
    assert [each.status for each in read(Path("docs"), Limits())] == ["read"]


@pytest.mark.shared
def test_the_two_source_documents(source_documents: Path) -> None:
    found = all_of(source_documents)
    assert [(each.status, each.encoding) for each in found.values()] == [("read", "utf-8")] * 2
    assert all(len(each.text) > 10_000 for each in found.values())


def test_a_bomb_below_the_size_limit_is_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", bytes(60 << 20))
    [reading] = read(tmp_path, Limits())
    assert reading.reason.startswith("zip bomb")
