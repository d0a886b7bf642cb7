"""Wording: shared runs whatever the punctuation, and enumerations that are none of anybody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.playbook.authoring.wording import Shared, is_enumeration, letters

BODY = "固定栏目讓大家知道,什么时候来。每周 3 次, 用 Excel 透視表记录"


@pytest.mark.parametrize(
    ("text", "stretch"),
    [
        ("他说固定栏目，让大家知道了", "固定栏目,让大家知道"),
        ("每周3次用EXCEL透视表", "每周3次用excel透视表"),
        ("固定栏目让人知道", ""),
        ("", ""),
    ],
)
def test_the_longest_shared_stretch(text: str, stretch: str) -> None:
    assert Shared([BODY], 8).longest(text) == stretch


def test_every_shared_stretch_is_told() -> None:
    shared = Shared([BODY], 4)
    assert shared.stretches("固定栏目，然后什么时候来呢？用excel透视吧") == [
        "固定栏目",
        "什么时候来",
        "用excel透视",
    ]


def test_a_latin_word_weighs_one() -> None:
    assert Shared(["professional certification"], 3).longest("professional certification") == ""


def test_without_digits_other_figures_hide_no_copy() -> None:
    source = "留存率从10%提升到25%的做法"
    assert Shared([source], 8).longest("留存率从90%提升到95%的做法") == ""
    assert Shared([source], 8, digits=False).longest("留存率从90%提升到95%的做法") != ""


@given(st.text(alphabet="甲乙丙,。 ", max_size=40), st.integers(min_value=1, max_value=6))
def test_a_stretch_is_shared_exactly_when_a_run_is(text: str, length: int) -> None:
    body = "甲乙丙甲,甲乙。丙丙 a 1 乙甲"
    stretch = Shared([body], length).longest(text)
    if stretch:
        assert letters(stretch) in letters(text)
    else:
        assert length > 1 or not set(letters(text)) & set("甲乙丙")


@pytest.mark.parametrize(
    ("stretch", "is_one"),
    [
        ("课程、直播、讨论话题、优惠券", True),
        ("互惠、承诺和一致,权威及稀缺", True),
        ("用户生命周期价值、复购率、客单价", True),
        ("市场部负责内容创意工作,产品部负责功能支持工作", False),
        ("通过内容活动和互动增强用户粘性", False),
    ],
)
def test_enumerations(stretch: str, is_one: bool) -> None:
    assert is_enumeration(stretch) is is_one
