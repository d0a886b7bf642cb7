"""Which encoding bytes are in, long texts and short ones, whole and damaged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.errors import ReadError
from copilot.playbook.reading.encoding import decode, decode_name, score
from tests.playbook.files_made import SENTENCE, TRADITIONAL, noise

# Two- to eight-character texts people really name files with; no sentence to go by.
SHORT = (
    "群规",
    "退款",
    "新人欢迎",
    "活动策划",
    "联通",
    "积分与等级",
    "直播复盘模板",
    "投诉处理流程",
)
SHORT_TRADITIONAL = ("群規", "退款", "新人歡迎", "活動策劃", "會員權益", "積分與等級", "直播復盤")


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32-le"),
        ("gb18030", "gb18030"),
    ],
)
@pytest.mark.parametrize("length", [1, 200])
def test_simplified_text(encoding: str, name: str, length: int) -> None:
    text = f"# 活跃度 2026\n\n{SENTENCE}\n" * length
    found = decode(text.encode(encoding))
    assert (found.text, found.encoding, found.damaged) == (text, name, 0)


@pytest.mark.parametrize(("encoding", "name"), [("big5", "big5"), ("gb18030", "gb18030")])
@pytest.mark.parametrize("length", [1, 200])
def test_traditional_text(encoding: str, name: str, length: int) -> None:
    text = f"標題\n{TRADITIONAL}\n" * length
    found = decode(text.encode(encoding))
    assert (found.text, found.encoding) == (text, name)


@pytest.mark.parametrize("text", SHORT)
def test_a_few_characters_of_gbk(text: str) -> None:
    assert decode(text.encode("gbk")).text == text
    assert decode_name(f"{text}.md".encode("gbk")) == f"{text}.md"


@pytest.mark.parametrize("text", SHORT_TRADITIONAL)
def test_a_few_characters_of_big5(text: str) -> None:
    assert decode(text.encode("big5")).text == text
    assert decode_name(f"{text}.md".encode("big5")) == f"{text}.md"


@pytest.mark.parametrize("text", ["hello\nworld\n", "Order no. 12, paid.\r\n" * 50])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_latin_text_in_utf_16_without_a_mark(text: str, encoding: str) -> None:
    found = decode(text.encode(encoding))
    assert (found.text, found.encoding) == (text.replace("\r\n", "\n"), encoding)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
@settings(max_examples=200, deadline=None)
def test_long_enough_utf_8_is_never_taken_for_anything_else(text: str) -> None:
    whole = text + SENTENCE
    assert decode(whole.encode()).text == whole


def test_line_ends_become_one() -> None:
    assert decode("一\r\n二\r三\n".encode()).text == "一\n二\n三\n"


def test_a_text_cut_in_the_middle_of_a_character_is_read() -> None:
    for encoding in ("utf-8", "gbk"):
        found = decode((SENTENCE * 5).encode(encoding)[:-1])
        assert found.text.startswith(SENTENCE * 4)
        assert found.damaged == 1
        assert found.encoding.startswith(encoding[:2])


def test_a_byte_lost_in_a_long_utf_8_text_costs_one_character() -> None:
    data = bytearray((SENTENCE * 20).encode())
    data[301] = 0xFF
    found = decode(bytes(data))
    assert found.encoding == "utf-8"
    assert 0 < found.damaged <= 3
    assert SENTENCE * 10 in found.text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + noise(200), "a PNG image"),
        (b"%PDF-1.7\n1 0 obj\n", "a PDF"),
        (b"PK\x03\x04" + noise(50), "a zip archive or an Office file"),
        (b"\x7fELF" + noise(500), "a program"),
        (b"....ftypmp42" + noise(500), "a film or sound"),
        (noise(5000), "not text"),
        (b"a\x00b\x00\x00\x00c" * 40, "not text"),
        (bytes(range(32)) * 20, "not text"),
        (b"\xff\xfe" + noise(4000), "not text"),
        ("Grüße aus Köln, café und naïve Gäste".encode("cp1252"), "save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ReadError) as caught:
        decode(data)
    assert "not text" in str(caught.value)
    assert said in str(caught.value)


@given(st.binary(min_size=64, max_size=2000))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused_but_nothing_else(data: bytes) -> None:
    try:
        text = decode(data).text
    except ReadError:
        return
    assert "\x00" not in text
    assert "\r" not in text


def test_a_stray_control_character_does_not_unmake_a_text() -> None:
    text = SENTENCE * 20 + "\x01\n"
    assert decode(text.encode()).text == text
    assert decode(text.encode("gb18030")).text == text


def test_the_declared_encoding_wins_over_guessing() -> None:
    # These bytes are text in both; only the page knows.
    data = "江垫".encode("gbk")
    assert decode(data, declared="gb2312").text == "江垫"
    assert decode(data, declared="big5").encoding == "big5"
    assert decode(SENTENCE.encode("gbk"), declared="no-such-encoding").text == SENTENCE


def test_chinese_scores_above_what_the_wrong_encoding_makes_of_it() -> None:
    assert score(SENTENCE) > 2.5
    assert score(TRADITIONAL) > 2.5
    assert score(SENTENCE.encode().decode("gb18030", "replace")) < 1
    assert score("plain ASCII") == 0
