"""Exact search: what Chroma would find, straight from the records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from copilot import store
from copilot.playbook import exact
from copilot.playbook.evidence import AUDIENCES
from copilot.playbook.exact import Exact
from copilot.playbook.records import Records
from copilot.playbook.rows import content_of
from tests.conftest import NOW
from tests.playbook.passages_made import EMBEDDER, passage, save, vector

PASSAGES = [
    passage(f"p{n}", f"第{n}段", audience=AUDIENCES[n % 3], position=n, asks=("共同的一问",))
    for n in range(30)
]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with closing(store.connect(url, backups=tmp_path, now=NOW)) as opened:
        records = Records(opened)
        save(records, PASSAGES)
        records.embeddings.keep({content_of("共同的一问"): vector("共同的一问")}, EMBEDDER)
        yield records


def test_the_nearest_come_first_with_their_cosines(records: Records) -> None:
    wanted = vector("第7段") + vector("第8段")
    found = Exact(records.embeddings, EMBEDDER).search("passages", wanted, AUDIENCES, 5)
    cosines = {each.id: float(vector(each.text) @ wanted) for each in PASSAGES}
    best = sorted(cosines, key=lambda id_: -cosines[id_])[:5]
    assert [id_ for id_, _ in found] == best
    assert [cosine for _, cosine in found] == pytest.approx([cosines[id_] for id_ in best])


def test_only_the_audiences_named_are_searched(records: Records) -> None:
    found = Exact(records.embeddings, EMBEDDER).search("passages", vector("x"), ("trainee",), 99)
    assert {id_ for id_, _ in found} == {f"p{n}" for n in range(2, 30, 3)}


def test_an_ask_that_all_audiences_share_comes_once(records: Records) -> None:
    found = Exact(records.embeddings, EMBEDDER).search("asks", vector("共同的一问"), AUDIENCES, 9)
    assert found == [(content_of("共同的一问"), pytest.approx(1.0, abs=1e-5))]


def test_nothing_of_another_embedder_is_found(records: Records) -> None:
    assert Exact(records.embeddings, "other@1").search("passages", vector("x"), AUDIENCES, 9) == []


def test_more_than_memory_should_hold_are_not_loaded(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "MOST", 30)  # 30 passages and one ask for each of three audiences
    assert Exact(records.embeddings, EMBEDDER).search("passages", vector("x"), AUDIENCES, 9) == []
