from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.playbook.cleaning import boilerplate
from copilot.playbook.cleaning.structure import outline

BODY = (
    "建群之前先想清楚给谁看。人数不要贪多，三十个正好。每天抛一个话题，话题要小，人人都能答上一句。"
    "管理员轮流值班，早晚各看一次。有人吵起来就先私聊，别在群里评理。月底请大家投票，留下最受欢迎的栏目。"
)
CONTENTS = "1.1 起步\n1.2 话题\n1.3 收尾"
BOOK = f"{CONTENTS}\n\n1.1起步?{BODY * 8}1.2话题?{BODY * 6}1.3收尾?{BODY * 4}"


def dropped(text: str) -> list[str]:
    return [line.text for line in boilerplate.edges(text, outline(text), []).dropped]


# Three sites of our own invention: none of them speaks like the one the book came from.
SITES = {
    "library": (
        [f"小群手册-{n}/9" for n in range(1, 6)],
        ["全文共9页，剩余4页", "登录后阅读全文", "收藏 | 分享 | 点赞"],
        [
            "为您推荐",
            "1. 直播间开场白大全.docx",
            "2. 短视频选题表.xlsx 88KB",
            "© 2024 书山资料 版权所有",
        ],
    ),
    "forum": (
        ["首页 > 运营 > 手册", "楼主发表于 2024-03-02 10:22", "阅读 1532  评论 18"],
        ["注册会员免费下载全部附件"],
        ["上一篇：没有了", "下一篇：怎样写欢迎语", "发表评论", "0/500", "返回顶部"],
    ),
    "vendor": (
        ["Handbook (1)", "Handbook (2)", "Handbook (3)", "Handbook (4)"],
        ["Sign in to download", "This site uses cookies"],
        ["All rights reserved. Unauthorized copying is prohibited.", "www.example.com", "12 pages"],
    ),
}


@pytest.mark.parametrize("site", sorted(SITES))
def test_what_sites_put_around_a_run_on_book_goes(site: str) -> None:
    head, more, tail = SITES[site]
    text = "\n".join([*head, "", *more, "", BOOK, "", *tail, ""])
    assert dropped(text) == [*head, *more, *tail]


@pytest.mark.parametrize("site", ["library", "forum"])
def test_and_around_a_text_without_contents(site: str) -> None:
    _, more, tail = SITES[site]
    text = "\n\n".join([BODY] * 12) + "\n\n" + "\n".join(tail)
    assert dropped(text) == tail
    assert "\n".join(more)  # the head of such a text proves nothing by itself


def test_a_preface_above_the_contents_stays() -> None:
    preface = "写这本手册的时候，我们已经带过四十几个群，失败的比成功的多，教训都记在里面了。"
    assert dropped(f"{preface}\n\n{BOOK}") == []


def test_the_title_is_what_the_numbered_lines_share() -> None:
    text = "\n".join([*(f"小群手册_第{n}页" for n in range(1, 5)), "", BOOK])
    edges = boilerplate.edges(text, outline(text), [])
    assert edges.title == "小群手册"


def test_a_title_said_again_goes() -> None:
    text = f"《小群手册》\n\n{BOOK}"
    found = boilerplate.edges(text, outline(text), ["小群手册"])
    assert [line.text for line in found.dropped] == ["《小群手册》"]


@pytest.mark.parametrize(
    "text",
    [
        # What a playbook itself says about members, downloads, comments and copyright.
        "会员可以在专区下载资料，也可以上传自己的作业。\n\n评论超过三十条的帖子由值班员置顶。\n\n"
        "转载文章之前先问作者，侵权的帖子当天删除，举报的人要回一句谢谢。",
        "第1步：拉人\n第2步：破冰\n第3步：留人",
        "欢迎语模板：\n- 登录小程序\n- 点收藏\n- 免费领取会员",
        "附件：\n• 报名表.xlsx\n• 活动预算.docx",
        "2024\n2025\n2026",
        "2024年回顾\n2025年回顾\n2026年回顾",
        "第1周目标\n第2周目标\n第3周目标",
        "小组任务1\n小组任务2\n小组任务3\n小组任务4",
        "目录",
        "",
    ],
)
def test_what_an_operator_writes_stays(text: str) -> None:
    assert dropped(text) == []
    assert dropped(f"# 手册\n\n{text}") == []
    assert dropped(f"{BODY * 15}\n\n{text}") == []


@given(
    st.lists(
        st.sampled_from(
            [
                *BODY.replace("。", "。\n").split("\n"),
                "会员",
                "下载资料",
                "- 报名",
                "1. 签到",
                "",
                "一、流程",
            ]
        ),
        max_size=40,
    )
)
@settings(max_examples=200, deadline=None)
def test_ordinary_lines_are_never_dropped(lines: list[str]) -> None:
    assert dropped("\n".join(lines)) == []


def test_dropped_lines_do_not_cover_most_of_a_text() -> None:
    text = "本站版权所有\n温馨提示：下载后请登录\n返回顶部\n好群不必大。"
    assert dropped(text) == []
