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

NAMES = names_of("made@1", 16)
MEMBER, OPERATOR, TRAINEE = (NAMES["passages", each] for each in AUDIENCES)


def canary(id_: str, count: int) -> Canary:
    return Canary(count, (tuple(map(float, vector(id_))),))


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[Vectors]:
    with closing(Vectors(tmp_path / "chroma")) as opened:
        opened.put(MEMBER, ["m1", "m2"], [vector("m1"), vector("m2")])
        opened.put(OPERATOR, ["o1"], [vector("o1")])
        yield opened


def test_the_nearest_comes_first_with_its_cosine(vectors: Vectors) -> None:
    hits = vectors.search(vector("m2"), (MEMBER,), 5)
    assert hits[0] == ("m2", pytest.approx(1.0, abs=1e-5))
    assert hits[1] == ("m1", pytest.approx(float(vector("m1") @ vector("m2")), abs=1e-5))


def test_only_the_audiences_named_are_searched(vectors: Vectors) -> None:
    found = vectors.search(vector("o1"), (MEMBER, TRAINEE), 5)
    assert {id_ for id_, _ in found} == {"m1", "m2"}
    assert vectors.search(vector("o1"), (MEMBER, OPERATOR, TRAINEE), 1)[0][0] == "o1"


def test_putting_again_replaces_and_dropping_removes(vectors: Vectors) -> None:
    vectors.put(MEMBER, ["m1"], [vector("neu")])
    assert vectors.search(vector("neu"), (MEMBER,), 1)[0][0] == "m1"
    vectors.drop(MEMBER, ["m1", "never there"])
    vectors.drop("member-passages-00000000", ["m2"])
    assert vectors.ids() == {MEMBER: {"m2"}, OPERATOR: {"o1"}}


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    for turn in range(2):
        with closing(Vectors(tmp_path / "chroma")) as opened:
            if turn == 0:
                opened.put(MEMBER, ["m1"], [vector("m1")])
            assert opened.search(vector("m1"), (MEMBER,), 1)[0][0] == "m1"


def test_what_is_embedded_and_by_whom_have_collections_of_their_own(tmp_path: Path) -> None:
    names = [names_of("made@1", 16), names_of("made@1", 24), names_of("另一个@2", 16)]
    assert len({name for each in names for name in each.values()}) == 18
    with closing(Vectors(tmp_path / "chroma")) as opened:
        opened.put(MEMBER, ["m1"], [vector("m1")])
        opened.put(names[1]["passages", "member"], ["m1"], [vector("m1", 24)])
        opened.put(NAMES["asks", "member"], ["m1"], [vector("ask")])
        opened.drop_others(NAMES.values())
    with closing(Vectors(tmp_path / "chroma")) as again:
        assert again.ids() == {MEMBER: {"m1"}, NAMES["asks", "member"]: {"m1"}}


def test_an_id_in_several_collections_comes_once_with_its_best(vectors: Vectors) -> None:
    vectors.put(OPERATOR, ["m2"], [vector("o1")])
    hits = vectors.search(vector("m2"), (MEMBER, OPERATOR), 9)
    assert len(hits) == len({id_ for id_, _ in hits}) == 3
    assert hits[0] == ("m2", pytest.approx(1.0, abs=1e-5))


def test_canaries_sing_while_all_is_well(vectors: Vectors) -> None:
    vectors.check({MEMBER: canary("m1", 2), OPERATOR: canary("o1", 1)})
    vectors.check({})


def test_a_short_collection_is_noticed(vectors: Vectors) -> None:
    with pytest.raises(IndexDamaged, match=r"holds 2 vectors of 3"):
        vectors.check({MEMBER: canary("m1", 3)})


def test_a_lost_canary_is_noticed(vectors: Vectors) -> None:
    vectors.drop(MEMBER, ["m1"])
    vectors.put(MEMBER, ["m3"], [vector("m3")])
    with pytest.raises(IndexDamaged, match="canaries"):
        vectors.check({MEMBER: canary("m1", 2)})


def test_one_lost_among_many_is_no_damage_but_a_quarter_is(tmp_path: Path) -> None:
    names = [f"p{n}" for n in range(40)]
    asked = tuple(tuple(map(float, vector(name))) for name in names)
    with closing(Vectors(tmp_path / "chroma")) as opened:
        opened.put(MEMBER, names, [vector(name) for name in names])
        opened.put(MEMBER, ["p0"], [vector("else")])
        opened.check({MEMBER: Canary(40, asked)})
        opened.put(MEMBER, names[:11], [vector(f"else {name}") for name in names[:11]])
        with pytest.raises(IndexDamaged, match="canaries"):
            opened.check({MEMBER: Canary(40, asked)})


def test_many_near_doubles_do_not_hide_the_canary(tmp_path: Path) -> None:
    """Search is approximate: a canary that the graph does not reach is no damage."""
    random = np.random.default_rng(3)
    base = vector("base")
    close = base + random.normal(scale=1e-4, size=(3000, base.size)).astype(np.float32)
    close /= np.linalg.norm(close, axis=1, keepdims=True)
    with closing(Vectors(tmp_path / "chroma")) as opened:
        opened.put(MEMBER, [f"p{n}" for n in range(3000)], list(close))
        chosen = tuple(tuple(map(float, each)) for each in close[::100])
        opened.check({MEMBER: Canary(3000, chosen)})


def test_a_folder_that_chroma_cannot_open_is_damage_and_can_be_replaced(tmp_path: Path) -> None:
    """Chroma keeps one system per path: a failed one must not stay in its cache."""
    folder = tmp_path / "chroma"
    with closing(Vectors(folder)) as opened:
        opened.put(MEMBER, ["m1"], [vector("m1")])
    (folder / "chroma.sqlite3").write_bytes(b"\x8a" * 9000)
    with pytest.raises(IndexDamaged):
        Vectors(folder)
    shutil.rmtree(folder)
    with closing(Vectors(folder)) as opened:
        opened.put(MEMBER, ["m1"], [vector("m1")])
        assert opened.search(vector("m1"), (MEMBER,), 1)[0][0] == "m1"


def test_vectors_of_other_dimensions_are_refused_as_damage(vectors: Vectors) -> None:
    with pytest.raises(IndexDamaged, match="dimension"):
        vectors.search(vector("m1", 24), (MEMBER,), 1)
    with pytest.raises(IndexDamaged, match="dimension"):
        vectors.put(MEMBER, ["m9"], [vector("m9", 24)])
