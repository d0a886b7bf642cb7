"""Vectors: found by nearness, kept apart by audience, and canaries that notice what is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from copilot.errors import IndexDamaged
from copilot.playbook.evidence import AUDIENCES
from copilot.playbook.vectors import Canary, Vectors, names_of
from tests.playbook.passages_made import vector


def canary(id_: str, count: int) -> Canary:
    return Canary(count, (tuple(map(float, vector(id_))),))


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[Vectors]:
    with closing(Vectors(tmp_path / "chroma", "made@1")) as opened:
        opened.put("member", ["m1", "m2"], [vector("m1"), vector("m2")])
        opened.put("operator", ["o1"], [vector("o1")])
        yield opened


def test_the_nearest_comes_first_with_its_cosine(vectors: Vectors) -> None:
    hits = vectors.search(vector("m2"), ("member",), 5)
    assert hits[0] == ("m2", pytest.approx(1.0, abs=1e-5))
    assert hits[1] == ("m1", pytest.approx(float(vector("m1") @ vector("m2")), abs=1e-5))


def test_only_the_audiences_named_are_searched(vectors: Vectors) -> None:
    found = vectors.search(vector("o1"), ("member", "trainee"), 5)
    assert {id_ for id_, _ in found} == {"m1", "m2"}
    assert vectors.search(vector("o1"), AUDIENCES, 1)[0][0] == "o1"


def test_putting_again_replaces_and_dropping_removes(vectors: Vectors) -> None:
    vectors.put("member", ["m1"], [vector("neu")])
    assert vectors.search(vector("neu"), ("member",), 1)[0][0] == "m1"
    vectors.drop(vectors.names["member"], ["m1", "never there"])
    vectors.drop("member-00000000", ["m2"])
    assert vectors.ids() == {"member": {"m2"}, "operator": {"o1"}, "trainee": set()}


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    for turn in range(2):
        with closing(Vectors(tmp_path / "chroma", "made@1")) as opened:
            if turn == 0:
                opened.put("member", ["m1"], [vector("m1")])
            assert opened.search(vector("m1"), ("member",), 1)[0][0] == "m1"


def test_embedders_have_collections_of_their_own(tmp_path: Path) -> None:
    with closing(Vectors(tmp_path / "chroma", "made@1")) as first:
        first.put("member", ["m1"], [vector("m1")])
    with closing(Vectors(tmp_path / "chroma", "另一个@2")) as second:
        assert second.ids()["member"] == set()
        second.put("member", ["m1"], [vector("m1", 24)])
        second.drop_others()
    with closing(Vectors(tmp_path / "chroma", "made@1")) as again:
        assert again.ids()["member"] == set()
    assert not set(names_of("made@1").values()) & set(names_of("另一个@2").values())


def test_canaries_sing_while_all_is_well(vectors: Vectors) -> None:
    vectors.check({"member": canary("m1", 2), "operator": canary("o1", 1)})
    vectors.check({})


def test_a_short_collection_is_noticed(vectors: Vectors) -> None:
    with pytest.raises(IndexDamaged, match=r"holds 2 vectors of 3"):
        vectors.check({"member": canary("m1", 3)})


def test_a_lost_canary_is_noticed(vectors: Vectors) -> None:
    vectors.drop(vectors.names["member"], ["m1"])
    vectors.put("member", ["m3"], [vector("m3")])
    with pytest.raises(IndexDamaged, match="canaries"):
        vectors.check({"member": canary("m1", 2)})


def test_one_lost_among_many_is_no_damage_but_a_quarter_is(tmp_path: Path) -> None:
    names = [f"p{n}" for n in range(40)]
    asked = tuple(tuple(map(float, vector(name))) for name in names)
    with closing(Vectors(tmp_path / "chroma", "made@1")) as opened:
        opened.put("member", names, [vector(name) for name in names])
        opened.put("member", ["p0"], [vector("else")])
        opened.check({"member": Canary(40, asked)})
        opened.put("member", names[:11], [vector(f"else {name}") for name in names[:11]])
        with pytest.raises(IndexDamaged, match="canaries"):
            opened.check({"member": Canary(40, asked)})


def test_many_near_doubles_do_not_hide_the_canary(tmp_path: Path) -> None:
    """Search is approximate: a canary that the graph does not reach is no damage."""
    random = np.random.default_rng(3)
    base = vector("base")
    close = base + random.normal(scale=1e-4, size=(3000, base.size)).astype(np.float32)
    close /= np.linalg.norm(close, axis=1, keepdims=True)
    with closing(Vectors(tmp_path / "chroma", "made@1")) as opened:
        opened.put("member", [f"p{n}" for n in range(3000)], list(close))
        chosen = tuple(tuple(map(float, each)) for each in close[::100])
        opened.check({"member": Canary(3000, chosen)})


def test_a_folder_that_chroma_cannot_open_is_damage_and_can_be_replaced(tmp_path: Path) -> None:
    """Chroma keeps one system per path: a failed one must not stay in its cache."""
    folder = tmp_path / "chroma"
    with closing(Vectors(folder, "made@1")) as opened:
        opened.put("member", ["m1"], [vector("m1")])
    (folder / "chroma.sqlite3").write_bytes(b"\x8a" * 9000)
    with pytest.raises(IndexDamaged):
        Vectors(folder, "made@1")
    shutil.rmtree(folder)
    with closing(Vectors(folder, "made@1")) as opened:
        opened.put("member", ["m1"], [vector("m1")])
        assert opened.search(vector("m1"), ("member",), 1)[0][0] == "m1"


def test_vectors_of_other_dimensions_are_refused_as_damage(vectors: Vectors) -> None:
    with pytest.raises(IndexDamaged, match="dimension"):
        vectors.search(vector("m1", 24), ("member",), 1)
    with pytest.raises(IndexDamaged, match="dimension"):
        vectors.put("member", ["m9"], [vector("m9", 24)])
