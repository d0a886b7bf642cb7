"""The journal: every answer, what it rests on, and what people thought of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from copilot.desk.journal import Entry, EntryRow, Journal
from copilot.errors import NotFound
from copilot.store import Store
from tests.conftest import Clock

ENTRY = Entry(
    door="api",
    role="bot",
    thread="群1",
    question="怎么活跃？",
    answer="每天抛一个小问题[1]。",
    passages=("a1", "b2"),
    refused=False,
    degraded=True,
    model="openai:x agent@1+12345678",
    confidence=0.75,
)


@pytest.fixture
def journal(records_store: Store) -> Journal:
    return Journal(records_store, Clock())


def row(store: Store, id_: str) -> EntryRow:
    with store.read() as session:
        found = session.get(EntryRow, id_)
    assert found is not None
    return found


def test_everything_about_an_answer_is_kept(journal: Journal, records_store: Store) -> None:
    kept = row(records_store, journal.write(ENTRY))
    for name in ("door", "role", "thread", "question", "answer", "refused", "degraded", "model"):
        assert getattr(kept, name) == getattr(ENTRY, name)
    assert kept.passages == ["a1", "b2"]
    assert kept.confidence == pytest.approx(0.75)
    assert (kept.rating, kept.comment) == (None, None)
    assert kept.at.utcoffset() is not None


def test_ratings_are_kept_changed_and_taken_back(journal: Journal, records_store: Store) -> None:
    id_ = journal.write(ENTRY)
    journal.rate(id_, "dislike", "答非所问")
    assert (row(records_store, id_).rating, row(records_store, id_).comment) == (
        "dislike",
        "答非所问",
    )
    journal.rate(id_, "like")
    assert (row(records_store, id_).rating, row(records_store, id_).comment) == ("like", None)
    journal.rate(id_, None)
    assert row(records_store, id_).rating is None


def test_rating_an_unknown_answer_is_refused(journal: Journal) -> None:
    with pytest.raises(NotFound, match="'nope'"):
        journal.rate("nope", "like")


def test_latest_come_first(journal: Journal) -> None:
    ids = [journal.write(replace(ENTRY, question=f"问题{n}")) for n in range(4)]
    journal.rate(ids[3], "like")
    latest = journal.latest(3)
    assert [entry[0] for entry in latest] == [ids[3], ids[2], ids[1]]
    assert latest[0][2:] == ("问题3", ENTRY.answer, False, "like")


@pytest.mark.parametrize("text", ["a\x00b", "问\ud800题"])
def test_any_text_can_be_kept(journal: Journal, records_store: Store, text: str) -> None:
    id_ = journal.write(replace(ENTRY, question=text, answer=text, thread=text))
    journal.rate(id_, "like", text)
    assert row(records_store, id_).answer
