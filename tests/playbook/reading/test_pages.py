"""PDFs: text layers, running heads, outlines, and what has no text."""

import pytest

from copilot.errors import ReadError
from copilot.playbook.reading.pages import pdf_text, without_running_heads
from tests.playbook.files_made import SENTENCE, noise, pdf, scanned_pdf


def test_running_heads_and_page_numbers_are_dropped_and_titles_become_headings() -> None:
    pages = [
        ["社群运营手册 内部资料", f"第{n}章 活动策划", SENTENCE[:20], f"正文第{n}段。", f"- {n} -"]
        for n in (1, 2, 3, 4)
    ]
    outline = [(f"第{n}章 活动策划", n - 1, 0) for n in (1, 2, 3, 4)]
    text, encoding, note = pdf_text(pdf(pages, outline=outline))
    assert "社群运营手册" not in text
    assert "- 2 -" not in text
    assert text.count("\n# 第") == 4
    assert [f"正文第{n}段。" in text for n in (1, 2, 3, 4)] == [True] * 4
    assert (encoding, note) == ("", "")


@pytest.mark.parametrize(
    "number", ["12", "- 12 -", "第12页", "12 / 30", "Page 12 of 30", "第 12 页，共 30 页", "P.12"]
)
def test_page_numbers_of_all_kinds(number: str) -> None:
    pages = [["正文一", "正文二", "正文三", number.replace("12", str(12 + n))] for n in range(3)]
    for n, page in enumerate(pages):
        page[0] += "甲乙丙"[n]
        page[1] += "丁戊己"[n]
        page[2] += "庚辛壬"[n]
    kept = without_running_heads(pages)
    assert [len(page) for page in kept] == [3, 3, 3]


def test_a_head_beside_its_page_number_is_dropped() -> None:
    pages = [[f"社群手册 {n}", f"甲{n}乙", f"丙{n}丁", f"戊{n}己"] for n in (7, 8, 9)]
    assert without_running_heads(pages) == [[f"甲{n}乙", f"丙{n}丁", f"戊{n}己"] for n in (7, 8, 9)]


def test_numbered_headings_and_figures_at_the_edge_stay() -> None:
    pages = [[f"第{n}章 策划", "报名费 20", f"{n}. 复盘", f"{n}{n}{n} 元"] for n in (1, 2)]
    pages += [[f"第{n}章 策划", f"报名费 {n * 31}", f"{n}. 复盘", f"{n}人参加"] for n in (3, 4)]
    assert without_running_heads(pages) == pages


def test_short_documents_lose_nothing() -> None:
    pages = [["手册", "正文"], ["手册", "正文"]]
    assert without_running_heads(pages) == pages


def test_words_divided_at_a_line_end_are_joined() -> None:
    text, _, _ = pdf_text(pdf([["The com-", "munity grows."]]))
    assert "community grows." in text


def test_a_password_is_named() -> None:
    with pytest.raises(ReadError, match="encrypted PDF remove the password"):
        pdf_text(pdf([[SENTENCE]], password="secret"))


def test_a_scanned_document_needs_ocr() -> None:
    with pytest.raises(ReadError, match=r"no text layer \(scanned\) run OCR"):
        pdf_text(scanned_pdf(3))


def test_pages_without_text_are_counted() -> None:
    text, _, note = pdf_text(pdf([[SENTENCE], [], [SENTENCE]]))
    assert SENTENCE[:10] in text
    assert note == "1 of 3 pages have no text; run OCR"


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7\n" + noise(2000), b"<html>no</html>", pdf([[SENTENCE]])[:300]]
)
def test_damaged_and_false_pdfs(data: bytes) -> None:
    with pytest.raises(ReadError, match=r"damaged PDF|no PDF"):
        pdf_text(data)
