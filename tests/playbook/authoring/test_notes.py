"""Notes: what each vouches for, in every form in use."""

from __future__ import annotations

import pytest

from copilot.playbook.authoring.notes import odd, read, statements


def told(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(statement.text.strip(), statement.places) for statement in statements(text)]


@pytest.mark.parametrize(
    ("note", "places"),
    [
        ("002 §4.2", ("002#4.2",)),
        ("002#4.2", ("002#4.2",)),
        ("000 §Q23", ("000#Q23",)),
        ("000 Q18", ("000#Q18",)),
        ("002 §3.1、§4.2", ("002#3.1", "002#4.2")),
        ("000 §Q5、002 §4.1", ("000#Q5", "002#4.1")),
        ("002", ()),
        ("见 002 §4.2", ()),
        ("002 §4.2 同", ()),
        ("§4.2", ()),
        ("002 §4.2.1", ()),
    ],
)
def test_forms(note: str, places: tuple[str, ...]) -> None:
    assert read(note) == places


def test_a_note_vouches_back_to_the_note_before() -> None:
    text = "甲 30%（002 §4.2）。乙 40%。（000 Q18）（000 §Q23）我们自己定 5%"
    assert told(text) == [
        ("甲 30%", ("002#4.2",)),
        ("。乙 40%。", ("000#Q18", "000#Q23")),
        ("我们自己定 5%", ()),
    ]


def test_a_note_before_a_colon_vouches_for_the_list_below_and_no_further() -> None:
    text = "三项（000 §Q26）：\n\n- 甲\n- 乙（002 §4.1）\n\n丙"
    assert told(text)[1:] == [("- 甲", ("000#Q26",)), ("- 乙", ("002#4.1",)), ("丙", ())]


def test_a_note_before_an_items_colon_vouches_for_the_items_below_it() -> None:
    text = "- 三类（002 §6.1）：\n  - 甲\n  - 乙\n- 丙\n- 四类：\n  - 丁"
    assert [places for _, places in told(text)] == [("002#6.1",)] * 3 + [()] * 3


def test_lines_are_counted() -> None:
    assert [each.line for each in statements("一\n\n三（002 §4.1）四")] == [1, 3, 3]


@pytest.mark.parametrize("text", ["（见 002 §4.2）", "（§4.2）", "（002 第四章）", "详见 §4.2。"])
def test_what_looks_like_a_note_and_is_none(text: str) -> None:
    assert [line for line, _ in odd(f"第一行（002 §4.2）\n{text}")] == [2]
