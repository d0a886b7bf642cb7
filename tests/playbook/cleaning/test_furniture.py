from __future__ import annotations

import pytest

from copilot.playbook.cleaning import furniture

BODY = (
    "建群之前先想清楚给谁看。人数不要贪多，三十个正好。每天抛一个话题，话题要小，人人都能答上一句。"
    "管理员轮流值班，早晚各看一次。有人吵起来就先私聊，别在群里评理。月底请大家投票，留下最受欢迎的栏目。"
)
PAGE = "\n".join(f"第{n}段，{BODY}" for n in range(3))


def test_page_numbers_and_running_heads_go() -> None:
    pages = [f"社群手册 内部资料\n{PAGE}\n{n}\n" for n in range(4, 10)]
    text, gone = furniture.strip("".join(pages))
    assert text == "\n\n".join([PAGE] * 6)
    assert set(gone) == {"社群手册 内部资料", *"456789"}


@pytest.mark.parametrize(
    "number", ["- {} -", "第 {} 页", "Page {} of 30", "{}/30", "第{}页 共30页"]
)
def test_page_numbers_in_every_dress(number: str) -> None:
    text, gone = furniture.strip("\n".join(f"{PAGE}\n{number.format(n)}" for n in range(5)))
    assert text == "\n\n".join([PAGE] * 5)
    assert len(gone) == 5


def test_form_feeds_divide_pages_and_sentences_go_on_over_them() -> None:
    broken = BODY[:-10]
    text, gone = furniture.strip(
        f"群手册\n{broken}\n1\f群手册\n{BODY[-10:]}\n{BODY}\n2\f群手册\n{BODY}\n3"
    )
    assert text == f"{broken}\n{BODY[-10:]}\n{BODY}\n\n{BODY}"
    assert gone == ("群手册", "1", "2", "3")


@pytest.mark.parametrize(
    "text",
    [
        "1\n拉人\n2\n破冰\n3\n留人\n4\n转化",
        "2021\n2022\n2023",
        "\n".join(f"**答案：**\n{BODY}" for _ in range(5)),
        f"12\n{BODY}\n7\n{BODY}\n30\n{BODY}",
        "甲\f甲\f甲\f甲",
    ],
)
def test_other_numbers_and_repeated_labels_stay(text: str) -> None:
    kept, gone = furniture.strip(text)
    assert kept == text.replace("\f", "\n")
    assert gone == ()
