from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.playbook.cleaning import numbering
from copilot.playbook.cleaning.structure import Outline, outline

CHAPTERS = {
    ("第一章", "动手之前"): {
        "1.1": ("想清楚为谁而建", "先写三句话：给谁看，解决什么，多久见效。写不出来就不要建。"),
        "1.2": ("选定最早的一批人", "人数不要超过三十，彼此最好认识。"),
    },
    ("第二章", "日常的节奏"): {
        "2.1": ("每天要做的事", "早上抛一个问题，晚上收一次回答。回复率提高了3.5倍也不稀奇。"),
        "2.2": ("每周要做的事", "周五小结，周日预告。做法见2.1每天要做的事，不再重复。"),
        "2.3": ("每月要做的事", "月底请成员投票，留下最受欢迎的两个栏目。"),
    },
    ("第三章", "收尾与交接"): {
        "3.1": ("什么时候该散", "连续两个月没有人发言，就体面地散。"),
    },
}


def entries(leader: str = "") -> list[str]:
    lines = []
    for page, ((number, title), sections) in enumerate(CHAPTERS.items(), start=1):
        lines.append(f"{number} {title}{leader}{page if leader else ''}")
        for section, (name, _) in sections.items():
            lines.append(f"{section}{name}{leader}{page if leader else ''}")
    return lines


def glued(mark: str = "") -> str:
    text = ""
    for (number, title), sections in CHAPTERS.items():
        text += f"{number} {title}"
        for section, (name, body) in sections.items():
            text += f"{section}{name}{mark}{body}"
    return text


def lined() -> str:
    lines = []
    for (number, title), sections in CHAPTERS.items():
        lines.append(f"{number} {title}")
        for section, (name, body) in sections.items():
            lines += [f"{section}{name}", body]
    return "\n".join(lines)


EXPECTED = [
    (level, number, title)
    for (chapter, name), sections in CHAPTERS.items()
    for level, number, title in [
        (1, chapter, name),
        *((2, section, sections[section][0]) for section in sections),
    ]
]


def found(text: str) -> list[tuple[int, str, str]]:
    return [(each.level, each.number, each.title) for each in outline(text).headings]


def bodies(text: str) -> list[str]:
    headings = outline(text).headings
    stops = [each.start for each in headings[1:]] + [len(text)]
    return [text[each.end : stop].strip("?\n ") for each, stop in zip(headings, stops, strict=True)]


@pytest.mark.parametrize("leader", ["", " ........ ", "……", "\t", " · · · "])
@pytest.mark.parametrize("body", [glued(), glued("?"), glued("\n"), lined()])
def test_headings_are_those_of_the_contents(leader: str, body: str) -> None:
    text = "\n".join(entries(leader)) + "\n\n" + body
    assert found(text) == EXPECTED
    assert bodies(text) == [
        said
        for sections in CHAPTERS.values()
        for said in ["", *(section[1] for section in sections.values())]
    ]


def test_contents_glued_to_the_title_and_to_the_text() -> None:
    first, *others = entries()
    text = f"小群手册{first}\n\n" + "\n\n".join(others) + "#小群手册" + glued("?")
    result = outline(text)
    assert found(text) == EXPECTED
    assert result.title == "小群手册"
    assert text[: result.head] == "小群手册"
    assert text[result.body :].startswith("#小群手册第一章")


def test_contents_in_the_other_script() -> None:
    text = "\n".join(entries()) + "\n\n" + glued("?")
    table = str.maketrans("动选评样见问题复倍节与连续两个么", "動選評樣見問題復倍節與連續兩個麼")
    half = text.find("\n\n")
    assert found(text[:half] + text[half:].translate(table)) == EXPECTED


def test_headings_with_damage_are_still_found() -> None:
    body = (
        glued("?")
        .replace("2.2每周要做的事?", "2.2每周要?的事?")
        .replace("第三章 收尾", "第三章收尾")
    )
    assert found("\n".join(entries()) + "\n\n" + body) == EXPECTED


def test_what_the_contents_promise_and_the_text_lacks_is_missing() -> None:
    text = "\n".join(entries()) + "\n\n" + glued("?").split("第三章")[0]
    result = outline(text)
    assert found(text) == [each for each in EXPECTED if not each[1].startswith(("3", "第三"))]
    assert [(each.number, each.title) for each in result.missing] == [
        ("第三章", "收尾与交接"),
        ("3.1", "什么时候该散"),
    ]


def test_a_text_that_breaks_off_early_still_has_its_headings() -> None:
    text = "\n".join(entries()) + "\n\n" + glued("?").split("2.1")[0]
    assert [number for _, number, _ in found(text)] == ["第一章", "1.1", "1.2", "第二章"]
    assert len(outline(text).missing) == 5


def test_a_mention_of_a_later_section_is_no_heading() -> None:
    body = glued("?").replace(
        "写不出来就不要建。", "排班见2.1每天要做的事，散群见3.1什么时候该散。"
    )
    text = "\n".join(entries()) + "\n\n" + body
    assert found(text) == EXPECTED
    assert "3.1什么时候该散。" in bodies(text)[1]


@pytest.mark.parametrize(
    "text",
    [
        "准备三样东西：\n1. 场地\n2. 茶点\n3. 签到表\n\n场地要安静，茶点要简单，签到表要提前印。",
        "1. 定人\n2. 定事\n3. 定时\n\n先这样定。\n\n1. 定人\n人要可靠，最好是熟人。\n2. 定事\n"
        "3. 定时\n每周三晚上。",
        "1.1 定人\n1.2 定事\n1.3 定时\n\n再说一遍：\n\n1.1 定人\n1.2 定事\n1.3 定时",
    ],
)
def test_lists_are_no_contents(text: str) -> None:
    assert outline(text) == Outline()


def test_plain_numbers_are_contents_under_that_name_or_with_pages() -> None:
    body = "1. 定人\n人要可靠，最好是熟人。\n2. 定事\n事要小，一次一件。\n3. 定时\n每周三晚八点。"
    expected = [(1, "1", "定人"), (1, "2", "定事"), (1, "3", "定时")]
    assert found(f"目录\n1. 定人\n2. 定事\n3. 定时\n\n{body}") == expected
    assert found(f"1. 定人……1\n2. 定事……2\n3. 定时……2\n\n{body}") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# 甲\n正文\n## 乙 ##\n正文\n###### 丙", [(1, "", "甲"), (2, "", "乙"), (6, "", "丙")]),
        ("标题\n====\n正文\n\n小标题\n---\n正文", [(1, "", "标题"), (2, "", "小标题")]),
        ("```\n# 不是\n```\n# 是", [(1, "", "是")]),
        ("~~~~\n```\n# 不是\n~~~\n# 也不是\n~~~~\n# 是", [(1, "", "是")]),
        ("#话题 不是\n####### 也不是\n# 是", [(1, "", "是")]),
        ("## **3. 粗** [链接](http://a)", [(2, "3", "粗 链接")]),
        ("### Q12：怎么退款？", [(3, "Q12", "怎么退款？")]),
        ("## 3.5倍的增长", [(2, "", "3.5倍的增长")]),
        ("## 第三章 收尾 {#end}", [(2, "第三章", "收尾")]),
        ("段落\n第二行\n---\n", []),
        ("- 列表\n---\n", []),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", []),
        ("#\n##  \n正文", []),
    ],
)
def test_markdown_headings(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert found(text) == expected
    assert outline(text).marked is bool(expected)


def test_markdown_wins_over_a_contents_list_that_names_its_headings() -> None:
    text = "- 1.1 开\n- 1.2 合\n- 1.3 续\n\n## 1.1 开\n正文\n## 1.2 合\n正文\n## 1.3 续\n正文"
    assert outline(text).marked
    assert len(found(text)) == 3


def test_the_contents_win_over_the_few_headings_of_the_page_around() -> None:
    text = "## 文档简介\n\n" + "\n".join(entries()) + "\n\n" + glued("?") + "\n\n## 评论\n"
    assert found(text) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        "第一节 开场\n开场白要短，三句话以内说完来意。\n第二节 收场\n收场时约好下一次的时间和地点。",
        "一、开场\n开场白要短，三句话以内说完来意。\n\n二、收场\n\n收场时约好下一次的时间和地点。",
        "1.1 开场\n开场白要短，三句话以内说完来意。\n1.2 收场\n收场时约好下一次的时间和地点。",
        "Chapter 1 开场\n开场白要短，三句话以内说完来意。\nChapter 2: 收场\n收场时约好下一次的时间和地点。",
    ],
)
def test_numbered_lines_with_text_below_are_headings(text: str) -> None:
    assert [title for _, _, title in found(text)] == ["开场", "收场"]


def test_numbered_questions_are_headings() -> None:
    text = "Q1：几点开始？\n答：下午两点，提前一刻钟签到。\n\nQ2：能带孩子吗？\n答：可以，不占名额，注意安全。"
    assert found(text) == [(1, "Q1", "几点开始？"), (1, "Q2", "能带孩子吗？")]


@pytest.mark.parametrize(
    "text",
    [
        "一、场地\n二、茶点\n三、签到表",
        "一、场地要安静。\n选址的时候多看几家，问清楚能不能延时。\n二、茶点要简单。\n超市买就行，不必请人送，省下的钱买奖品。",
        "二、收场\n收场时约好下一次的时间和地点，大家都记下来。",
        "1.5 小时的安排\n开场白要短，三句话以内说完来意。\n2.5 小时的安排\n收场时约好下一次的时间和地点。",
        "",
        "没有标题的一段话。",
    ],
)
def test_other_numbered_lines_are_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("heading", "number", "title"),
    [
        ("2.3 留存", "2.3", "留存"),
        ("2.3.1、留存", "2.3.1", "留存"),
        ("十二、留存", "十二", "留存"),
        ("第 3 章：留存", "第3章", "留存"),
        ("第十部分 留存", "第十部分", "留存"),
        ("（三）留存", "（三）", "留存"),
        ("Chapter IV Keep", "Chapter IV", "Keep"),
        ("Q7. 留存？", "Q7", "留存？"),
        ("3) 留存", "3", "留存"),
        ("2023年总结", "", "2023年总结"),
        ("99.9%的人不知道", "", "99.9%的人不知道"),
        ("1.5万人的群", "", "1.5万人的群"),
        ("一个人的群", "", "一个人的群"),
        ("Partly done", "", "Partly done"),
        ("第一次办活动", "", "第一次办活动"),
        ("3.", "", "3."),
    ],
)
def test_split_takes_the_number_off(heading: str, number: str, title: str) -> None:
    assert numbering.split(heading) == (number, title)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("2.3", 3),
        ("十", 10),
        ("十二", 12),
        ("二十一", 21),
        ("一百零五", 105),
        ("第三章", 3),
        ("", 0),
    ],
)
def test_last_value(number: str, value: int) -> None:
    assert numbering.last_value(number) == value


@given(st.text("一二三、.1 23第章#-=\n`~|甲乙。?见", max_size=200))
@settings(max_examples=300, deadline=None)
def test_headings_stand_in_order_and_do_not_overlap(text: str) -> None:
    result = outline(text)
    position = result.body
    for heading in result.headings:
        assert position <= heading.start < heading.end <= len(text)
        assert heading.title.strip()
        position = heading.end
    assert 0 <= result.head <= result.body
