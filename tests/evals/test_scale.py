"""The scale bench: its passages are as many and as mixed as it says, and the same each time."""

from __future__ import annotations

from pathlib import Path

from evals.bench import scale
from tests.conftest import Opener


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*.md")
    }


def test_a_seed_makes_the_same_files(tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        assert scale.write(tmp_path / name, 200, seed) == 21
        made.append(contents(tmp_path / name))
    assert made[0] == made[1] != made[2]


def test_about_as_many_passages_are_indexed_for_all_audiences(
    tmp_path: Path, open_copilot: Opener, toy_embedder: Path
) -> None:
    (tmp_path / "docs").mkdir()
    scale.write(tmp_path / "docs", 400)
    opened = open_copilot(tmp_path / "docs", embedder=str(toy_embedder))
    stored = opened._records.embeddings.stored(opened.embedder_name)
    assert 380 <= opened.health().passages <= 420
    assert len([kind for kind, _ in stored if kind == "passages"]) == 3
    assert any(kind == "asks" for kind, _ in stored)
