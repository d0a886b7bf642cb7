"""The guard: whatever the pieces a text comes in, only what is supported gets out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.agent.guard import Guard
from copilot.jobs.answer import Citation

KNOWN = [
    Citation(3, "p3", "手册", "预算", "a.md", "预算是1500元。"),
    Citation(5, "p5", "手册", "人数", "a.md", "人数在12到20人之间。"),
]


def guard() -> Guard:
    return Guard(lambda: KNOWN)


def through(pieces: list[str]) -> tuple[str, Guard]:
    made = guard()
    return "".join([made.feed(piece) for piece in pieces] + [made.close()]), made


def test_marks_are_numbered_anew_in_the_order_of_the_text() -> None:
    said, made = through(["人数是12到20人[5]。预算1500元[3]。人数不超过20[5]。"])
    assert said == "人数是12到20人[1]。预算1500元[2]。人数不超过20[1]。"
    assert [(each.n, each.id) for each in made.citations] == [(1, "p5"), (2, "p3")]


@pytest.mark.parametrize(
    ("text", "said", "dropped"),
    [
        ("预算1500元[3]。最多9999元[3]。", "预算1500元[1]。", 1),
        ("预算1500元[3]。买保险[9]。", "预算1500元[1]。", 1),
        ("人数20人[3]。", "", 1),
        ("预算1500元。[3]人数20人。[5]", "预算1500元。[1]人数20人。[2]", 0),
        ("预算1500元[3][5]，人数20。", "预算1500元[1][2]，人数20。", 0),
        ("- 预算1500元[3]\n- 人数99人[5]\n- 人数20人[5]", "- 预算1500元[1]\n\n- 人数20人[2]", 1),
        ("可以这样做：\n1. 预算1500元[3]\n2. 人数20人[5]", "可以这样做：\n1. 预算1500元[1]\n2. 人数20人[2]", 0),
        ("预算1500元[3]", "预算1500元[1]", 0),
        ("", "", 0),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_dropped(text: str, said: str, dropped: int) -> None:
    found, made = through([text])
    assert found == said
    assert len(made.dropped) == dropped


TEXTS = st.lists(
    st.sampled_from(
        ["预算1500元", "最多9999元", "人数20人", "[3]", "[5]", "[9]", "[", "]", "。", "！", "\n", "；",
         "- ", "1. ", "”", " ", "说", "[3", "5]"]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@given(TEXTS, st.lists(st.integers(1, 6), max_size=60))
def test_it_does_not_matter_how_a_text_is_cut(text: str, sizes: list[int]) -> None:
    whole, one = through([text])
    pieces = []
    rest = text
    for size in [*sizes, len(text)]:
        pieces.append(rest[:size])
        rest = rest[size:]
    said, other = through(pieces)
    assert said == whole
    assert (other.citations, other.dropped) == (one.citations, one.dropped)


@given(TEXTS)
def test_no_mark_or_number_gets_out_that_is_not_supported(text: str) -> None:
    said, made = through([text])
    assert set(re.findall(r"\[(\d+)\]", said)) <= {str(each.n) for each in made.citations}
    assert "9999" not in said


@given(st.text(max_size=200))
def test_any_text_goes_through(text: str) -> None:
    said, _ = through(list(text))
    assert len(said) <= len(text) + 1
