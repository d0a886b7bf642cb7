"""Passages: nothing lost, nothing too long, lists with their lead-ins, ids that stay."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.language import tokens
from copilot.playbook.clean import Document, Section, clean_document
from copilot.playbook.evidence import Passage
from copilot.playbook.passages import BUDGET, WHOLE, audience_of, split

# A single sentence may be twice the budget, a cut piece of strange characters a little more.
LONGEST = 2 * BUDGET + 40


def document(*texts: str, source: str = "a.md") -> Document:
    sections = tuple(
        Section(str(n), f"第{n}节", (f"第{n}节",), text) for n, text in enumerate(texts)
    )
    return Document(source, "手册", sections)


def pieces(text: str) -> list[str]:
    return [each.text for each in split(document(text), root="/r", audience="member")]


def bare(text: str) -> str:
    return "".join(text.split())


def test_a_short_section_is_one_passage() -> None:
    (found,) = split(document("先发欢迎语。\n再约私聊。"), root="/r", audience="member")
    assert (found.text, found.section, found.title) == (
        "先发欢迎语。\n再约私聊。",
        "0 第0节",
        "手册",
    )
    assert (found.audience, found.position, found.source) == ("member", 0, "a.md")


def test_a_section_half_as_long_again_stays_whole() -> None:
    text = "先发欢迎语，再约私聊。" * 35
    assert BUDGET < tokens.count(text) <= WHOLE
    assert pieces(text) == [text]


def test_a_long_section_is_cut_between_sentences() -> None:
    text = "".join(f"这是第{n}句话，说明群里怎么做活动。" for n in range(80))
    found = pieces(text)
    assert len(found) > 3
    assert all(each.endswith("。") for each in found)
    assert "".join(found) == text


def test_a_lead_in_stays_with_the_first_of_its_list() -> None:
    filler = "\n\n".join("群里的活动要提前一周通知，地点写清楚。" * 4 for _ in range(3))
    items = "\n".join(f"{n}. 准备第{n}样物品，放到签到台旁边，用完收回仓库。" for n in range(1, 30))
    found = pieces(f"{filler}\n\n活动之前要准备好下面这些东西：\n\n{items}")
    (lead,) = [each for each in found if "下面这些东西：" in each]
    assert "1. 准备第1样物品" in lead


def test_an_empty_section_gives_nothing() -> None:
    assert split(document("", " \n\t"), root="/r", audience="member") == []


lines = st.lists(
    st.one_of(
        st.text(max_size=300),
        st.text(alphabet="社群运营活动用户，。：；？\n- 1.", max_size=400),
        st.sampled_from(["说明如下：", "- 甲：乙", "1. 做什么", "**步骤：**", "", "长" * 900]),
    ),
    max_size=12,
)


@given(lines)
def test_no_character_is_lost_or_doubled(some: list[str]) -> None:
    text = "\n".join(some)
    assert bare("".join(pieces(text))) == bare(text)


@given(lines)
def test_no_passage_is_empty_or_too_long(some: list[str]) -> None:
    for each in pieces("\n".join(some)):
        assert each.strip()
        assert tokens.count(each) <= LONGEST


@given(st.lists(st.text(max_size=80), max_size=8))
def test_ids_are_unique_and_positions_count(texts: list[str]) -> None:
    found = split(document(*texts), root="/r", audience="member")
    assert len({each.id for each in found}) == len(found)
    assert [each.position for each in found] == list(range(len(found)))


def by_section(found: list[Passage]) -> dict[str, str]:
    return {each.section: each.id for each in found}


def test_ids_stay_when_another_section_comes_or_changes() -> None:
    one = Section("", "甲", ("甲",), "甲的内容。")
    two = Section("", "乙", ("乙",), "乙的内容。")
    before = by_section(split(Document("a.md", "书", (one, two)), root="/r", audience="member"))
    new = Section("", "丙", ("丙",), "新来的。")
    changed = Section("", "甲", ("甲",), "甲改了。")
    after = by_section(
        split(Document("a.md", "书", (new, changed, two)), root="/r", audience="member")
    )
    assert {name: after[name] for name in before} == before


def test_ids_differ_by_file_and_root() -> None:
    found = {
        split(document("甲", source=source), root=root, audience="member")[0].id
        for source in ("a.md", "b.md")
        for root in ("/r", "/s")
    }
    assert len(found) == 4


def test_sections_of_one_name_do_not_mix() -> None:
    same = Section("", "常见问题", ("常见问题",), "甲")
    found = split(
        Document("a.md", "书", (same, Section("", "常见问题", ("常见问题",), "乙"))),
        root="/r",
        audience="member",
    )
    assert [each.text for each in found] == ["甲", "乙"]
    assert found[0].id != found[1].id


def test_a_very_long_section_splits_in_linear_time() -> None:
    text = "\n".join(f"第{n}行，一条记录，没有什么特别。" for n in range(40_000))
    started = time.monotonic()
    assert len(pieces(text)) > 1000
    assert time.monotonic() - started < 20


# What the front matter says --------------------------------------------------------------------


def read(text: str) -> Document:
    return clean_document("a.md", text, kind="markdown")


BODY = "# 退款\n\n先道歉，再说明三个工作日内到账。\n"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", "member"),
        ("---\naudience: operator\n---\n", "operator"),
        ("---\naudience: trainee\n---\n", "trainee"),
        ("---\naudience: member\n---\n", "member"),
        ("---\naudience: Operator \n---\n", "operator"),
        ("---\naudience: 'operator'\n---\n", "operator"),
    ],
)
def test_front_matter_decides_who_may_see(said: str, expected: str) -> None:
    (found,) = split(read(said + BODY), root="/r", audience="member")
    assert found.audience == expected
    assert audience_of(read(said + BODY), "member")[1] == ""


@pytest.mark.parametrize(
    "said",
    [
        "---\naudience: staff\n---\n",
        "---\naudience: 内部\n---\n",
        "---\naudience: [operator, trainee]\n---\n",
        "---\naudience:\n---\n",
        "---\naudience: operator\nextra: {a: b}\n---\n",
        "---\nextra: {a: b}\naudience: operator\n---\n",
    ],
)
def test_what_is_not_understood_is_hidden_from_members(said: str) -> None:
    (found,) = split(read(said + BODY), root="/r", audience="member")
    assert found.audience == "operator"


def test_what_is_not_understood_is_said() -> None:
    _, odd = audience_of(read("---\naudience: staff\n---\n" + BODY), "member")
    assert "'staff'" in odd
    assert "member, operator, trainee" in odd


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("---\nasks:\n  - 有人要退钱怎么办\n  - 退款找谁\n---\n", ("有人要退钱怎么办", "退款找谁")),
        ("---\nasks: [有人要退钱怎么办, 退款找谁]\n---\n", ("有人要退钱怎么办", "退款找谁")),
        ("---\nasks: 有人要退钱怎么办\n---\n", ("有人要退钱怎么办",)),
        ("---\nasks:\n---\n", ()),
    ],
)
def test_asks_are_whole_questions(said: str, expected: tuple[str, ...]) -> None:
    (found,) = split(read(said + BODY), root="/r", audience="member")
    assert found.asks == expected
