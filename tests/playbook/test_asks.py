"""Asks added to passages: which there are to ask for, which a person means, what may change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from copilot.errors import BadInput, NotFound
from copilot.playbook.asks import LONGEST, Asks, Changed
from copilot.playbook.evidence import Passage
from copilot.playbook.records import Records
from copilot.store import Store
from tests.playbook.passages_made import passage, save

NOWHERE = Path("/elsewhere")
THREE = [
    passage("p1", "先发欢迎语。", section="欢迎 › 4.1 第一天", position=0),
    passage("p2", "再约私聊。", section="欢迎 › 4.2 第一週", position=1),
    passage("p3", "还有周末。", section="欢迎 › 4.2 第一週", position=2),
]
REFUND = replace(passage("r1", "退款由主管审批。", asks=("有人要退钱",)), source="内部/refund.md")


@pytest.fixture
def records(records_store: Store) -> Records:
    records = Records(records_store)
    save(records, THREE)
    save(records, [REFUND], source="内部/refund.md")
    return records


@pytest.fixture
def asks(records: Records, records_store: Store) -> Asks:
    return Asks(records_store, records)


def ids(passages: list[Passage]) -> list[str]:
    return [each.id for each in passages]


# Which there are ---------------------------------------------------------------------------------


def test_what_nobody_has_an_ask_for_is_listed_in_reading_order(
    asks: Asks, records: Records
) -> None:
    passages, count = asks.unasked(["/root"])
    assert (passages, count) == (THREE, 3)
    records.add_asks("p2", ["咋欢迎"], "model")
    passages, count = asks.unasked(["/root"], 1)
    assert (ids(passages), count) == (["p1"], 2)
    records.remove_ask("p2", "咋欢迎")
    assert ids(asks.unasked(["/root"])[0]) == ["p1", "p2", "p3"]


def test_other_roots_are_left_out(asks: Asks) -> None:
    assert asks.unasked(["/other"]) == ([], 0)
    assert asks.unasked([]) == ([], 0)


def test_passages_come_with_their_asks_in_the_order_asked_for(asks: Asks, records: Records) -> None:
    records.add_asks("r1", ["退钱找谁"], "person")
    first, second = asks.held(["r1", "gone", "p1"])
    assert [(each.text, each.origin) for each in first.asks] == [
        ("有人要退钱", "author"),
        ("退钱找谁", "person"),
    ]
    assert (first.root, second.passage, second.asks) == ("/root", THREE[0], ())


# Which is meant ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "path", "section", "found"),
    [
        ("p2", NOWHERE, "", ["p2"]),
        ("a.md", NOWHERE, "", ["p1", "p2", "p3"]),
        ("内部/refund.md", NOWHERE, "", ["r1"]),
        ("./x.md", Path("/root/内部/refund.md"), "", ["r1"]),
        ("a.md", NOWHERE, "第一天", ["p1"]),
        ("a.md", NOWHERE, "4.2", ["p2", "p3"]),
        ("a.md", NOWHERE, "欢迎 › 4.2 第一周", ["p2", "p3"]),  # in another script
    ],
)
def test_a_passage_is_meant_by_its_id_its_document_or_its_section(
    asks: Asks, place: str, path: Path, section: str, found: list[str]
) -> None:
    assert [each.passage.id for each in asks.at(place, path, section)] == found


def test_a_section_called_exactly_so_is_meant_alone(asks: Asks, records: Records) -> None:
    both = [
        replace(THREE[0], id="s1", section="预算"),
        replace(THREE[1], id="s2", section="预算 › 场地"),
    ]
    save(records, [replace(each, source="b.md") for each in both], source="b.md")
    assert [each.passage.id for each in asks.at("b.md", NOWHERE, "预算")] == ["s1"]


def test_a_root_that_is_a_file_is_its_document(asks: Asks, records: Records) -> None:
    save(records, [replace(THREE[0], id="f1", source="f.md")], root="/one/f.md", source="f.md")
    save(records, [replace(THREE[0], id="f2", source="f.md")], root="/two", source="f.md")
    assert [each.passage.id for each in asks.at("x", Path("/one/f.md"))] == ["f1"]
    assert [each.passage.id for each in asks.at("x", Path("/two/f.md"))] == ["f2"]
    assert {each.passage.id for each in asks.at("f.md", NOWHERE)} == {"f1", "f2"}
    for beside in ("/f.md", "/one", "/two"):
        with pytest.raises(NotFound):
            asks.at("x", Path(beside))


@pytest.mark.parametrize(
    ("place", "section", "near"),
    [("refnud.md", "", "内部/refund.md"), ("a.md", "第二天", "第一天"), ("火星", "", "--find")],
)
def test_what_is_not_there_names_what_is_near(
    asks: Asks, place: str, section: str, near: str
) -> None:
    with pytest.raises(NotFound, match=near):
        asks.at(place, NOWHERE, section)


# What changes ------------------------------------------------------------------------------------


def test_asks_are_taken_away_and_added(asks: Asks, records: Records) -> None:
    records.add_asks("p1", ["咋欢迎", "怎么招呼"], "model")
    changed = asks.change("p1", ["  新人来了\n说啥 ", "怎么招呼", "新人来了 说啥"], ["咋欢迎 "])
    assert changed == Changed(added=1, removed=1)
    assert [(each.text, each.origin) for each in records.asks_of("p1")] == [
        ("怎么招呼", "model"),
        ("新人来了 说啥", "person"),
    ]


def test_an_ask_may_be_replaced_by_itself_in_a_persons_name(asks: Asks, records: Records) -> None:
    records.add_asks("p1", ["咋欢迎"], "model")
    assert asks.change("p1", ["咋欢迎"], ["咋欢迎"]) == Changed(1, 1)
    assert [each.origin for each in records.asks_of("p1")] == ["person"]


@pytest.mark.parametrize(
    ("passage_id", "add", "remove", "error", "told"),
    [
        ("r1", ["几点", " \u200b"], [], BadInput, "empty"),
        ("r1", ["几点", "长" * (LONGEST + 1)], [], BadInput, str(LONGEST)),
        ("r1", ["几点"], ["退钱找谁", "没有这句"], NotFound, "没有这句"),
        ("r1", ["几点"], ["退钱找谁", "有人要退钱"], NotFound, "front matter"),
        ("gone", ["几点"], [], NotFound, "gone"),
    ],
)
def test_nothing_is_changed_when_one_of_the_changes_cannot_be(
    asks: Asks,
    records: Records,
    passage_id: str,
    add: list[str],
    remove: list[str],
    error: type[Exception],
    told: str,
) -> None:
    records.add_asks("r1", ["退钱找谁"], "model")
    before = records.generation()
    with pytest.raises(error, match=told):
        asks.change(passage_id, add, remove)
    assert records.generation() == before
    assert [each.text for each in records.asks_of("r1")] == ["有人要退钱", "退钱找谁"]
