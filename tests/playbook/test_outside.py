"""Outside: questions known to have no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.errors import BadInput
from copilot.models import embedder
from copilot.playbook import outside
from copilot.playbook.outside import Outside


@pytest.fixture(scope="module")
def shipped() -> embedder.Embedder:
    return embedder.load("shipped")


def test_the_nearest_is_told_and_the_mean_of_five(shipped: embedder.Embedder) -> None:
    known = Outside(
        ["红烧肉怎么炖", "明天下雨吗", "发票怎么开", "房贷怎么还", "猫粮", "机票"], lambda: shipped
    )
    nearest, several = known.nearest("红烧肉怎么炖")
    assert nearest == pytest.approx(1.0, abs=1e-3)
    assert several < nearest
    assert known.nearest("怎么提高复购率")[0] < 0.9


def test_nothing_known_is_far_from_everything(shipped: embedder.Embedder) -> None:
    assert Outside([], lambda: shipped).nearest("红烧肉怎么炖") == (0.0, 0.0)


def test_another_embedder_makes_other_vectors(shipped: embedder.Embedder) -> None:
    other = embedder.Embedder(lambda texts: shipped.encode(texts)[:, :64], 64, "other@1")
    using = [shipped]
    known = Outside(["红烧肉怎么炖"], lambda: using[0])
    known.nearest("红烧肉")
    using[0] = other
    assert known.nearest("红烧肉怎么炖")[0] == pytest.approx(1.0, abs=1e-3)


def test_the_shipped_file_can_be_read() -> None:
    path = Path(__file__).parents[2] / "knowledge" / "outside.jsonl"
    found = outside.read(path)
    assert len(found) > 1000
    assert len(set(found)) == len(found)


def test_no_file_is_nothing_known(tmp_path: Path) -> None:
    assert outside.read(tmp_path / "outside.jsonl") == []


@pytest.mark.parametrize("line", ['{"question": "x"}', "红烧肉", "[1]"])
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "outside.jsonl"
    path.write_text('{"q": "好的"}\n' + line + "\n", "utf-8")
    with pytest.raises(BadInput, match="line 2"):
        outside.read(path)
