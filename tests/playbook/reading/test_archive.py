"""Zips: bombs, lies, and names that lead astray."""

import io
import zipfile
import zlib

import pytest

from copilot.errors import ReadError
from copilot.playbook.reading.archive import Archive, Bounds, Member
from copilot.playbook.reading.formats import kind_of
from tests.playbook.files_made import noise, raw_zip, zeros, zipped

BOUNDS = Bounds(member_mb=16, total_mb=32, ratio=200, files=100)


def opened(data: bytes, bounds: Bounds = BOUNDS) -> Archive:
    return Archive(io.BytesIO(data), bounds)


def members(data: bytes) -> list[Member]:
    return opened(data).members(kind_of)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def test_members_come_in_order_with_their_bytes() -> None:
    archive = opened(zipped([("b.md", "乙".encode()), ("in/a.md", "甲".encode()), ("in/", b"")]))
    found = archive.members(kind_of)
    assert [(each.name, each.status) for each in found] == [("b.md", ""), ("in/a.md", "")]
    assert [archive.content(each.info).decode() for each in found] == ["乙", "甲"]


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("../a.md", "failed", "path traversal"),
        ("in/../../a.md", "failed", "path traversal"),
        ("/etc/a.md", "failed", "absolute path"),
        ("C:/a.md", "failed", "drive letter"),
        ("c:a.md", "failed", "drive letter"),
        ("in\\a.md", "failed", "backslash"),
        ("a\x07.md", "failed", "control characters"),
        ("__MACOSX/._a.md", "skipped", "macOS resource fork"),
        (".git/a.md", "skipped", "hidden"),
        ("in/.DS_Store", "skipped", "hidden"),
        ("in/inner.ZIP", "failed", "zip within a zip; unpack it first"),
        ("a.exe", "skipped", "unsupported type '.exe'"),
        ("README", "skipped", "no file extension"),
        ("old.doc", "skipped", "save it as .docx"),
    ],
)
def test_members_that_are_not_read(name: str, status: str, said: str) -> None:
    first, second = members(zipped([(name, b"x"), ("good.md", b"y")]))
    assert (first.name, first.status) == (name, status)
    assert said in first.reason
    assert ";" in first.reason
    assert (second.name, second.status) == ("good.md", "")


def test_names_in_gbk_big5_and_unmarked_utf_8() -> None:
    data = deflated(b"x")
    names = ["活动方案/新人欢迎.md", "投诉处理流程.md"]
    for encoding, name in [("gbk", names[0]), ("gbk", names[1]), ("utf-8", names[0])]:
        assert members(raw_zip([(name.encode(encoding), data, 1)]))[0].name == name
    [marked] = members(raw_zip([(names[0].encode(), data, 1)], flags=0x800))
    assert marked.name == names[0]
    [big] = members(raw_zip([("會員權益說明.md".encode("big5"), data, 1)]))
    assert big.name == "會員權益說明.md"


def test_a_gbk_name_whose_second_byte_is_a_backslash_is_no_path() -> None:
    name = "昞.md"
    assert b"\\" in name.encode("gbk")
    [member] = members(raw_zip([(name.encode("gbk"), deflated(b"x"), 1)]))
    assert (member.name, member.status) == (name, "")


def test_the_second_member_of_a_name_is_refused_but_not_one_of_other_case_or_form() -> None:
    names = ["a.md", "A.md", "a.md", "caf\u00e9.md", "cafe\u0301.md"]
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped([(name, b"x") for name in names])
    statuses = [each.status for each in members(data)]
    assert statuses == ["", "", "failed", "", ""]


def test_symbolic_links_are_skipped() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("link.md")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    [member] = members(file.getvalue())
    assert (member.status, member.reason[:13]) == ("skipped", "symbolic link")


def test_encrypted_members_and_strange_methods_are_refused() -> None:
    [encrypted] = members(raw_zip([(b"a.md", noise(20), 8)], flags=1))
    assert encrypted.reason == "encrypted zip member; remove the password"
    [strange] = members(raw_zip([(b"a.md", noise(20), 8)], method=14))
    assert strange.reason == "compression method 14; pack it with Deflate"


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (4095 << 20, "zip bomb: inflates more than 200 times"),
        (100 << 20, "inflates beyond 16 MiB"),
        (15 << 20, "damaged zip member"),
        (64, "damaged zip member"),
    ],
)
def test_a_bomb_of_4_gib_is_stopped_whatever_size_it_declares(declared: int, said: str) -> None:
    bomb = raw_zip([(b"a.md", zeros(4095), declared)])
    assert len(bomb) < 6 << 20
    archive = opened(bomb)
    [member] = archive.members(kind_of)
    with pytest.raises(ReadError, match=said):
        archive.content(member.info)


def test_a_member_that_is_large_without_being_a_bomb_is_refused_for_its_size() -> None:
    archive = opened(zipped([("a.txt", noise(17 << 20))]))
    [member] = archive.members(kind_of)
    with pytest.raises(ReadError, match="inflates beyond 16 MiB"):
        archive.content(member.info)


def test_members_may_not_add_up_beyond_the_total() -> None:
    data = noise(12 << 20)
    archive = opened(zipped([(f"{n}.txt", data) for n in range(3)]))
    first, second, third = archive.members(kind_of)
    assert archive.content(first.info) == archive.content(second.info) == data
    with pytest.raises(ReadError, match="the archive inflates beyond 32 MiB"):
        archive.content(third.info)


def test_overlapping_members_are_a_bomb() -> None:
    data = deflated(b"x" * 1000)
    whole = raw_zip([(b"a.md", data, 1000), (b"b.md", data, 1000)])
    start = whole.rindex(b"PK\x01\x02")
    # Both entries of the directory point at the first member's data.
    overlapping = whole[: start + 42] + bytes(4) + whole[start + 46 :]
    with pytest.raises(ReadError, match="zip bomb: its members overlap"):
        opened(overlapping)


def test_too_many_members() -> None:
    data = zipped([(f"{n}.md", b"x") for n in range(101)])
    with pytest.raises(ReadError, match="zip of 101 members, the limit is 100"):
        opened(data)


@pytest.mark.parametrize("cut", [30, 10, 1])
def test_a_truncated_zip_is_damaged(cut: int) -> None:
    data = zipped([("a.md", b"text")])
    with pytest.raises(ReadError, match="damaged zip"):
        opened(data[:-cut])


def test_flipped_bits_are_found() -> None:
    data = bytearray(zipped([("a.md", noise(1000))]))
    data[500] ^= 0xFF
    archive = opened(bytes(data))
    [member] = archive.members(kind_of)
    with pytest.raises(ReadError, match="damaged zip member"):
        archive.content(member.info)
