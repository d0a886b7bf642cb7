"""Sentences."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.language import boundaries
from copilot.language.segment import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("先道歉。再处理！然后呢？", ["先道歉。", "再处理！", "然后呢？"]),
        ("先打卡；再复盘。", ["先打卡；再复盘。"]),
        ("为什么？！因为。", ["为什么？！", "因为。"]),
        ("一行\n\n 又一行 \r\n末行", ["一行", "又一行", "末行"]),
        ("增长 3.5 倍。A/B测试很好!", ["增长 3.5 倍。", "A/B测试很好!"]),
        ("涨了40%.随后下降", ["涨了40%.随后下降"]),
        ("写完.然后发", ["写完.", "然后发"]),
        ("是的...好", ["是的...好"]),
        ("等等……我不知道。", ["等等……我不知道。"]),
        ("看 https://a.com/?q=1.html 再说", ["看 https://a.com/?q=1.html 再说"]),
        (
            "Node.js is good. It grew to 40. Then e.g. this vs. that. Dr. Wu left the U.S. market.",
            [
                "Node.js is good.",
                "It grew to 40.",
                "Then e.g. this vs. that.",
                "Dr. Wu left the U.S. market.",
            ],
        ),
        ("他说：“你好。”然后走了。", ["他说：“你好。”", "然后走了。"]),
        ("成员问“怎么退款？”时，先道歉！再处理。", ["成员问“怎么退款？”时，先道歉！", "再处理。"]),
        ("“真的吗？”她问。", ["“真的吗？”", "她问。"]),
        ('Dr. Wu said "Stop it. Now." and left.', ['Dr. Wu said "Stop it. Now." and left.']),
        ("读《为什么是他？》这本书。好。", ["读《为什么是他？》这本书。", "好。"]),
        ("再说（例如：打卡。）好。", ["再说（例如：打卡。）好。"]),
        ("说“没有闭合。就这样。", ["说“没有闭合。", "就这样。"]),
        ("结束了。”后面", ["结束了。”", "后面"]),
        ("好。**注意**：别发广告。", ["好。", "**注意**：别发广告。"]),
        ("**为什么？**因为烦。", ["**为什么？**", "因为烦。"]),
        ("好的！😊", ["好的！😊"]),
        ("1. **内容规划：** 每周三次。每次两小时。", ["1. **内容规划：** 每周三次。每次两小时。"]),
        ("- 打卡。签到。\n* 拼团。", ["- 打卡。签到。", "* 拼团。"]),
        ("（一）先拉新。再留存。", ["（一）先拉新。再留存。"]),
        ("①先拉新。再留存。", ["①先拉新。再留存。"]),
        ("3.5 倍。好。", ["3.5 倍。", "好。"]),
        ("  \n\t", []),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_long_numbered_paragraph_is_divided_and_keeps_its_number() -> None:
    long = "1. " + "先看数据再定活动。" * 30
    found = sentences(long)
    assert found[0] == "1. 先看数据再定活动。"
    assert len(found) == 30


def test_a_quotation_mark_far_away_does_not_hold_a_paragraph_together() -> None:
    found = sentences("他说“好。" + "然后走了。" * 60 + "”完")
    assert len(found) > 50


@settings(max_examples=300)
@given(
    st.text(st.characters(exclude_categories=()))
    | st.text('好。？！?!.“”"（）《》1 a、-*…\n', max_size=60)
)
def test_nothing_but_blanks_is_lost(text: str) -> None:
    found = sentences(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in found)


@given(st.text('好。？！?!.“”"（）《》1 a、-*…', max_size=60))
def test_pieces_make_the_line_again(line: str) -> None:
    assert "".join(boundaries.divide(line)) == line
