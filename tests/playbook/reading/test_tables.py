"""CSV, workbooks and JSON as lines that carry their columns' names."""

import csv
import datetime
import io
import json

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.errors import ReadError
from copilot.playbook.reading.tables import csv_text, json_text, jsonl_text, xlsx_text
from tests.playbook.files_made import xlsx


def sheet_text(book: openpyxl.Workbook) -> tuple[str, str]:
    return xlsx_text(io.BytesIO(xlsx(book)))


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_each_csv_row_carries_the_column_names(delimiter: str) -> None:
    rows = [["问题", "答案", "次数"], ["怎么退款", "找小林；当天退", "12"], ["几点分享", "", "3"]]
    text = "\n".join(delimiter.join(row) for row in rows)
    if delimiter == ";":
        text = text.replace("；", "、")
    lines = csv_text(text).split("\n")
    assert lines[0].startswith("- 问题：怎么退款；答案：找小林")
    assert lines[0].endswith("；次数：12")
    assert lines[1] == "- 问题：几点分享；次数：3"


def test_quoted_fields_keep_delimiters_and_lines() -> None:
    text = csv_text('问题,答案\n"一,二","第一行\n第二行"\n')
    assert text == "- 问题：一,二\n\n答案：\n第一行\n第二行\n"


def test_a_title_above_the_header_stands_alone() -> None:
    text = csv_text("三月活动表,,\n,,\n日期,主题,人数\n3月8日,读书会,20\n")
    assert text == "三月活动表\n- 日期：3月8日；主题：读书会；人数：20"


def test_rows_without_a_header_are_kept_as_they_are() -> None:
    assert csv_text("1,2\n3,4\n") == "- 1；2\n- 3；4"
    assert csv_text("只有一列\n第二行\n") == "- 只有一列\n- 第二行"


def test_rows_longer_than_the_header_lose_nothing() -> None:
    assert csv_text("a,b\n1,2,3\n") == "- a：1；b：2；3"


def test_the_excel_line_that_names_the_delimiter() -> None:
    assert csv_text("sep=;\n名字;备注\n小林;a,b,c\n") == "- 名字：小林；备注：a,b,c"


def test_a_field_longer_than_the_csv_module_takes_by_default() -> None:
    assert "字" * 200_000 in csv_text(f"名,值\n甲,{'字' * 200_000}\n")


CELL = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_no_value_of_a_csv_is_lost(rows: list[list[str]]) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([["甲列", "乙列", "丙列"], *rows])
    text = csv_text(file.getvalue())
    for row in rows:
        assert f"- 甲列：{row[0]}；乙列：{row[1]}；丙列：{row[2]}" in text


def test_a_workbook_as_people_see_it() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "活动表"
    sheet.append(["日期", "转化率", "费用", "编号", "备注"])
    sheet.append([datetime.date(2026, 3, 8), 0.256, 1500.0, 12345678901234, "#N/A"])
    sheet.append([datetime.datetime(2026, 3, 9, 20, 30), 1, 0.1 + 0.2, 7, None])
    sheet["B2"].number_format = "0.0%"
    text, note = sheet_text(book)
    assert text.split("\n\n")[0] == "## 活动表"
    assert "- 日期：2026-03-08；转化率：25.6%；费用：1500；编号：12345678901234" in text
    assert "- 日期：2026-03-09 20:30；转化率：1；费用：0.3；编号：7" in text
    assert note == ""


def test_cells_merged_over_rows_stand_in_each_row() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["类别", "问题"], ["退款", "多久到账"], [None, "找谁批"], ["直播", "几点开始"]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    text, _ = sheet_text(book)
    assert text.split("\n") == [
        "- 类别：退款；问题：多久到账",
        "- 类别：退款；问题：找谁批",
        "- 类别：直播；问题：几点开始",
    ]


def test_hidden_sheets_are_left_out_and_named() -> None:
    book = openpyxl.Workbook()
    book.active.append(["公开"])
    hidden = book.create_sheet("工资")
    hidden.append(["秘密"])
    hidden.sheet_state = "hidden"
    text, note = sheet_text(book)
    assert text == "- 公开"
    assert note == "hidden sheets left out: 工资"


def test_a_single_cell_far_away_costs_nothing() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["名", "值"])
    sheet.append(["甲", "乙"])
    sheet["XFD200000"] = "远"
    text, _ = sheet_text(book)
    assert text.split("\n") == ["- 名：甲；值：乙", "- 远"]


def test_json_objects_and_lists() -> None:
    text, note = json_text(
        json.dumps(
            {
                "title": "常见问题",
                "tags": ["退款", "直播"],
                "owner": {"name": "小林", "since": None, "active": True},
                "faq": [
                    {"q": "怎么退款", "a": "找小林", "links": {"doc": "r.md"}},
                    {"q": "几点分享", "a": "第一\n第二"},
                ],
            },
            ensure_ascii=False,
        )
    )
    assert note == ""
    assert text == (
        "- title：常见问题；tags：退款、直播；owner.name：小林；owner.active：true\n\n"
        "faq：\n\n- q：怎么退款；a：找小林；links.doc：r.md\n- q：几点分享\n\na：\n第一\n第二"
    )


def test_numbers_of_json_stay_as_written() -> None:
    huge = "9" * 6000
    text, _ = json_text(f'{{"id": {huge}, "price": 1.10, "big": 12345678901234567890123}}')
    assert text == f"- id：{huge}；price：1.10；big：12345678901234567890123"


def test_invalid_json_says_where() -> None:
    with pytest.raises(ReadError, match=r"invalid JSON \(.*line 2 column 7.*correct it there"):
        json_text('{"a": 1,\n "b": }')


def test_json_with_one_value_per_line_is_read_as_jsonl() -> None:
    assert json_text('{"a": 1}\n{"a": 2}\n') == ("- a：1\n- a：2", "")


def test_invalid_lines_of_jsonl_are_reported_and_the_rest_read() -> None:
    lines = ['{"q": "甲"}', "nonsense", "", '{"q": "乙"}', *["{"] * 6]
    text, note = jsonl_text("\n".join(lines))
    assert text == "- q：甲\n- q：乙"
    assert note == "7 of 9 lines are no JSON and left out: 2, 5, 6, 7, 8, …"
    with pytest.raises(ReadError, match="no line is JSON"):
        jsonl_text("a\nb\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | CELL,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(CELL, inner, max_size=4),
    max_leaves=20,
)


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in _leaves(each)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


@given(JSON)
@settings(max_examples=100, deadline=None)
def test_no_value_of_a_json_is_lost(value: object) -> None:
    text, _ = json_text(json.dumps(value))
    for leaf in _leaves(value):
        assert leaf in text
