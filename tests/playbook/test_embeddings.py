"""Embeddings: kept bit for bit by embedder, missed when missing, gone when nobody needs them."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select, update

from copilot.playbook.embeddings import Known
from copilot.playbook.evidence import Passage
from copilot.playbook.records import Records
from copilot.playbook.rows import VectorRow, content_of, digest_of, to_embed
from copilot.store import Store
from tests.playbook.passages_made import EMBEDDER, passage, save, vector


@pytest.fixture
def records(records_store: Store) -> Records:
    return Records(records_store)


def content(one: Passage) -> str:
    return content_of(to_embed(one.title, one.section, one.text))


THREE = [
    passage("p1", "先发欢迎语。", section="一 › 1", position=0, asks=("怎么欢迎新人",)),
    passage("p2", "再约私聊。", section="一 › 1", position=1),
    passage("p3", "口令是保密的。", audience="operator", section="一 › 2", position=2),
]


def test_embeddings_come_back_bit_for_bit(records: Records) -> None:
    save(records, THREE)
    contents = [content(each) for each in THREE]
    found = records.embeddings.vectors([*contents, "gone"], EMBEDDER)
    assert set(found) == set(contents)
    for each in THREE:
        assert found[content(each)].dtype == np.float32
        assert np.array_equal(found[content(each)], vector(each.text))
    assert {item.digest for item in records.load(["p3", "p1", "gone"])} == {
        digest_of(THREE[0]),
        digest_of(THREE[2]),
    }


def test_vectors_nobody_needs_any_more_go(records: Records, records_store: Store) -> None:
    def count() -> int:
        with records_store.read() as session:
            return len(session.scalars(select(VectorRow.content)).all())

    save(records, THREE)
    save(records, [passage("q1", THREE[0].text, section=THREE[0].section)], source="b.md")
    records.add_asks("p1", ["加的一问"], "person")
    records.embeddings.keep({content_of("加的一问"): vector("加的一问")}, EMBEDDER)
    assert count() == 4
    save(records, THREE[:2])
    assert count() == 3
    records.remove_ask("p1", "加的一问")
    assert count() == 2
    save(records, [THREE[1]])  # b.md still says what p1 said
    assert count() == 2
    records.remove_root("/root")
    assert count() == 0


def test_the_first_embedder_is_active_until_another_is(records: Records) -> None:
    assert records.embeddings.active() is None
    save(records, THREE)
    assert records.embeddings.remember("other@1", "/models/other", 24) is False
    contents = [content(each) for each in THREE]
    records.embeddings.keep({each: vector(each, 24) for each in contents}, "other@1")
    assert [(each.name, each.active) for each in records.embeddings.known()] == [
        (EMBEDDER, True),
        ("other@1", False),
    ]
    generation = records.generation()
    records.embeddings.activate("other@1")
    assert records.generation() == generation
    (known,) = records.embeddings.known()
    assert known == Known("other@1", "/models/other", 24, True)
    assert records.embeddings.vectors(contents, EMBEDDER) == {}
    assert set(records.embeddings.vectors(contents, "other@1")) == set(contents)


def test_vectors_of_another_length_are_thrown_away(records: Records) -> None:
    save(records, THREE)
    assert records.embeddings.remember(EMBEDDER, "there", 16) is False
    assert len(records.embeddings.missing(EMBEDDER)) == 1
    assert records.embeddings.remember(EMBEDDER, "there", 24) is True
    assert len(records.embeddings.missing(EMBEDDER)) == 4
    assert records.embeddings.stored(EMBEDDER) == {}


def test_a_damaged_vector_is_missing(records: Records, records_store: Store) -> None:
    save(records, THREE)
    with records_store.begin() as session:
        session.execute(
            update(VectorRow)
            .where(VectorRow.content == content(THREE[1]))
            .values(vector=b"\x00" * 12)
        )
    assert content(THREE[1]) in records.embeddings.missing(EMBEDDER)
    assert content(THREE[1]) not in records.embeddings.vectors([content(THREE[1])], EMBEDDER)
    assert "p2" not in records.embeddings.stored(EMBEDDER)["passages", "member"]
