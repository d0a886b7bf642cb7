"""The probe: a child process meets the damage, and the reason comes back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from copilot.errors import IndexDamaged
from copilot.playbook.probe import Probe
from copilot.playbook.vectors import Canary, Vectors, names_of
from tests.playbook.passages_made import vector

# Chroma writes a segment's files with the thousandth vector.
COUNT = 1100
NAME = names_of("made@1", 16)["passages", "member"]
ASKED = {
    NAME: Canary(COUNT, tuple(tuple(map(float, vector(f"p{n}"))) for n in range(0, COUNT, 50)))
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Chroma with a segment on disk; not to be touched."""
    folder = tmp_path_factory.mktemp("stored") / "chroma"
    names = [f"p{n}" for n in range(COUNT)]
    with closing(Vectors(folder)) as vectors:
        vectors.put(NAME, names, [vector(name) for name in names])
    return folder


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> Path:
    shutil.copytree(stored, tmp_path / "chroma")
    return tmp_path / "chroma"


def segment(folder: Path) -> Path:
    (found,) = [file for file in folder.rglob("data_level0.bin") if file.stat().st_size > 100_000]
    return found.parent


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for place in range(0, len(content), 997):
        content[place] ^= 0x55
    file.write_bytes(content)


def test_a_sound_index_passes(folder: Path) -> None:
    Probe().check(folder, ASKED)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "segment deleted": lambda folder: shutil.rmtree(segment(folder)),
    "vectors flipped": lambda folder: flip(segment(folder) / "data_level0.bin"),
    "vectors truncated": lambda folder: os.truncate(segment(folder) / "data_level0.bin", 50_000),
    "vectors deleted": lambda folder: (segment(folder) / "data_level0.bin").unlink(),
    "metadata flipped": lambda folder: flip(segment(folder) / "index_metadata.pickle"),
    "database truncated": lambda folder: os.truncate(folder / "chroma.sqlite3", 150_000),
    "database emptied": lambda folder: os.truncate(folder / "chroma.sqlite3", 0),
    "database garbage": lambda folder: (folder / "chroma.sqlite3").write_bytes(b"\x8a" * 9000),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_reported_and_harms_nobody(folder: Path, damage: str) -> None:
    DAMAGES[damage](folder)
    with pytest.raises(IndexDamaged) as caught:
        Probe().check(folder, ASKED)
    assert caught.value.detail.rstrip(".")


def test_a_crash_of_the_child_is_told_as_one(folder: Path) -> None:
    flip(segment(folder) / "data_level0.bin")
    with pytest.raises(IndexDamaged, match="crashed with signal|damaged"):
        Probe().check(folder, ASKED)


def test_files_of_the_current_folder_are_not_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m` looks for modules in the current folder first: it may be anybody's."""
    (tmp_path / "chromadb.py").write_text("raise SystemExit('run')")
    (tmp_path / "json.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    Probe().check(folder, ASKED)
