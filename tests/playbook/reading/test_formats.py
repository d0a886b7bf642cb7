"""Bytes of each kind become text."""

import openpyxl
import pytest

from copilot.errors import ReadError
from copilot.playbook.reading.archive import Bounds
from copilot.playbook.reading.formats import KINDS, Content, extract, kind_of
from tests.playbook.files_made import (
    SENTENCE,
    docx,
    noise,
    paragraph,
    pdf,
    pptx,
    raw_zip,
    table,
    xlsx,
    zeros,
    zipped,
)

BOUNDS = Bounds(member_mb=64, total_mb=256, ratio=200, files=1000)


def content(kind: str, data: bytes) -> Content:
    return extract(kind, data, BOUNDS)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.MD", "markdown"), ("in/b.Txt", "text"), ("c.tsv", "csv"), ("d.ndjson", "jsonl")],
)
def test_the_extension_tells_the_kind(name: str, kind: str) -> None:
    assert kind_of(name) == (kind, "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.doc", "old Word format; save it as .docx"),
        ("a.xls", "old Excel format; save it as .xlsx"),
        ("a.png", "image; "),
        ("a.rar", "pack it as .zip"),
        ("a.py", "unsupported type '.py'; convert it"),
        ("Makefile", "no file extension; convert it"),
        ("~$a.docx", "lock file"),
    ],
)
def test_what_is_not_read_is_told_with_the_remedy(name: str, said: str) -> None:
    kind, reason = kind_of(name)
    assert kind == ""
    assert said in reason


def test_markdown_keeps_its_front_matter() -> None:
    text = f"---\naudience: member\n---\n# 标题\n\n{SENTENCE}\n"
    assert content("markdown", text.encode("gbk")) == Content(text, "gb18030")


@pytest.mark.parametrize("heading", ["1", "B1", "T"])
def test_a_word_file_keeps_headings_tables_and_plain_punctuation(heading: str) -> None:
    body = (
        paragraph("活动策划", heading)
        + paragraph("预算_说明", "B2")
        + paragraph("1. 先想清楚 *目标*，[必读](见附件)。")
        + table([["项目", "费用"], ["场地", "800"]])
    )
    assert content("docx", docx(body)).text == (
        "# 活动策划\n\n## 预算_说明\n\n1. 先想清楚 *目标*，[必读](见附件)。\n\n"
        "| 项目 | 费用 |\n| --- | --- |\n| 场地 | 800 |"
    )


def test_a_word_file_full_of_pictures_is_read_for_its_text() -> None:
    data = docx(paragraph(SENTENCE), pictures=[noise(1 << 20, seed) for seed in range(3)])
    assert content("docx", data).text == SENTENCE


def test_slides_have_their_titles_as_headings() -> None:
    data = pptx([("私域运营", "第一点\n第二点", ""), ("留存", "看复购", "讲三分钟")])
    text = content("pptx", data).text
    assert text.startswith("# 私域运营\n第一点\n第二点\n\n## 留存\n看复购")
    assert text.endswith("备注：\n讲三分钟")
    assert "<!--" not in text


def test_a_workbook_is_read() -> None:
    book = openpyxl.Workbook()
    book.active.append(["问题", "答案"])
    book.active.append(["几点分享", "每周三晚上"])
    assert content("xlsx", xlsx(book)).text == "- 问题：几点分享；答案：每周三晚上"


def test_a_pdf_is_read() -> None:
    assert content("pdf", pdf([[SENTENCE]])).text == SENTENCE


def test_a_web_page_without_what_stands_around_its_text() -> None:
    page = """<html><head><title>社群手册</title><meta charset="gb2312"><style>p {}</style></head>
    <body><nav><a href="/">首页</a></nav><header><h2>第一节</h2></header>
    <p hidden>看不见</p><script>alert("x")</script><!-- 注释 -->
    <p>报名：<a href="https://a.example/b_c">这里</a>，<a href="#x">上面</a>。<img src="a.png"></p>
    <ul><li>甲</li><li>乙</li></ul>
    <table><tr><td>列</td><td>值</td></tr><tr><td>一</td><td>二</td></tr></table>
    <form><p>表单里的正文</p><button>提交</button></form>
    <footer>版权所有</footer></body></html>"""
    found = content("html", page.encode("gb2312"))
    assert found.encoding == "gb18030"
    assert found.text.split("\n\n") == [
        "# 社群手册",
        "## 第一节",
        "报名：[这里](https://a.example/b_c)，上面。",
        "* 甲\n* 乙",
        "| 列 | 值 |\n| --- | --- |\n| 一 | 二 |",
        "表单里的正文",
    ]


def test_the_main_part_of_a_web_page_is_preferred() -> None:
    page = "<body><div>广告</div><main><h1>题</h1><p>正文</p></main><div>推荐</div></body>"
    assert content("html", page.encode()).text == "# 题\n\n正文"


def test_a_web_page_nested_too_deeply_gives_its_plain_text() -> None:
    found = content("html", ("<div>" * 5000 + "正文").encode())
    assert found.text == "正文"
    assert "nested too deeply" in found.note


@pytest.mark.parametrize("kind", ["docx", "pptx", "xlsx"])
def test_office_files_that_are_encrypted_old_or_something_else(kind: str) -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + noise(1000)
    cases = {
        old + "EncryptedPackage".encode("utf-16-le"): f"encrypted {kind.upper()} remove the passw",
        old: f"old Office format named .{kind} save it as .{kind}",
        SENTENCE.encode(): f"no {kind.upper()}: it is something else",
        b"%PDF-1.7": f"no {kind.upper()}: it is a PDF",
        zipped([("a.md", b"x")])[:-20]: "damaged zip",
    }
    for data, said in cases.items():
        with pytest.raises(ReadError, match=said):
            content(kind, data)


@pytest.mark.parametrize("kind", ["docx", "pptx", "xlsx"])
def test_a_bomb_in_an_office_file_is_stopped(kind: str) -> None:
    part = {"docx": "word/document.xml", "pptx": "ppt/x.xml", "xlsx": "xl/worksheets/sheet1.xml"}
    for declared in (4095 << 20, 60 << 20):
        data = raw_zip([(part[kind].encode(), zeros(4095), declared)])
        with pytest.raises(ReadError, match=r"zip bomb|damaged zip member"):
            content(kind, data)


@pytest.mark.parametrize("kind", sorted({kind for kind in KINDS.values() if kind != "jsonl"}))
def test_damage_is_noted_or_refused_but_never_hidden(kind: str) -> None:
    data = SENTENCE.encode() * 20 + b"\xff" + SENTENCE.encode() * 20
    if kind in ("markdown", "text", "csv", "html"):
        assert "1 damaged characters stand as U+FFFD" in content(kind, data).note
    else:
        with pytest.raises(ReadError):
            content(kind, data)
