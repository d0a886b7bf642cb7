from __future__ import annotations

import pytest

from copilot.playbook.cleaning.suspicion import breaks_off, excerpt, signs


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("社群\ue123运营", "private-use character"),
        ("社群\ufffd运营", "character lost"),
        ("社群锟斤拷运营", "character lost"),
        ("需要长期?护才行", "character lost"),
        ("社群セ运营", "stray character"),
        ("社群ㄒ运营", "stray character"),
        ("发展?jié)摿", "bytes out of step"),
    ],
)
def test_signs_of_damage(text: str, reason: str) -> None:
    assert [found for _, found in signs(text)] == [reason]


@pytest.mark.parametrize(
    "text",
    [
        "怎么办?先开会",
        "有没有人?没有",
        "行不行?行",
        "(对吗?he)",
        "优の良品",
        "カラオケ大会",
        "A?B",
        "他问:谁?没有人",
        "社群运营",
    ],
)
def test_no_signs(text: str) -> None:
    assert list(signs(text)) == []


@pytest.mark.parametrize("text", ["信任?;?,最终", "被???200万", "提升50%??缃绾"])
def test_cuts_are_signs_where_others_were_found(text: str) -> None:
    assert [found for _, found in signs(text, cut=True)] == ["bytes out of step"]
    assert list(signs(text)) == []


@pytest.mark.parametrize("text", ["怎么办??大家想想", "谁来?;谁不来", "好。?;", "在吗?? "])
def test_and_questions_still_are_none(text: str) -> None:
    assert list(signs(text, cut=True)) == []


def test_places_near_each_other_are_reported_once() -> None:
    text = "社\ue123群\ue124运" + "营" * 40 + "\ue125"
    assert [place for place, _ in signs(text)] == [1, 45]


SENTENCES = "第一句说完了。第二句也说完了。"


@pytest.mark.parametrize(
    "last",
    [
        "第三句说到一半就没有了因为",
        "第三句说到一半,后面应该还有,",
        "某平台通过“季度应急",
        "the third one just stops he",
    ],
)
def test_prose_that_breaks_off(last: str) -> None:
    assert breaks_off(SENTENCES + last)
    assert breaks_off(f"{SENTENCES}\n\n{last}")


@pytest.mark.parametrize(
    "text",
    [
        SENTENCES,
        f"{SENTENCES}第三句问：“好不好？”",
        f"{SENTENCES}\n\n1. 没有句号的列表项也是完整的",
        f"{SENTENCES}\n\n- 没有句号的列表项也是完整的",
        f"{SENTENCES}\n\n| 场地 | 八百元 | 小林负责 |",
        f"{SENTENCES}\n\n**应对的办法有下面这几种：**",
        "一句没有句号的短文也可能是完整的",
        f"{SENTENCES}\n\n小林、小周",
        "",
    ],
)
def test_text_that_does_not(text: str) -> None:
    assert not breaks_off(text)


def test_excerpt_is_one_line() -> None:
    assert excerpt("甲\n\n乙" * 20, 30, 31).count("\n") == 0
