"""Search tokens and content words."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from copilot.errors import BadInput
from copilot.language import normalize, segment
from copilot.language.segment import Segmenter

OPERATORS = Path(__file__).parents[2] / "knowledge" / "dictionary.txt"


@pytest.fixture
def bundled_again() -> Iterator[None]:
    yield
    segment.configure(())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("社群裂变", ["社群", "群裂", "裂变"]),
        ("复购率", ["复购", "复购率", "购率"]),
        ("怎么让群里的人多说话？", ["群", "说话"]),
        ("活躍用戶", ["活跃", "跃用", "用户"]),
        ("打卡打卡", ["打卡", "卡打", "打卡"]),
        ("24小时", ["24", "小时"]),
        ("40%-60%", ["40", "40%", "60", "60%"]),
        ("8500元/月", ["8500", "元", "月"]),
        ("涨粉1.5w", ["涨粉", "1.5", "1.5w"]),
        ("3,000人", ["3000"]),
        ("2024-05-01", ["2024", "05", "01"]),
        ("ＫＯＣ", ["koc"]),
        ("Z世代", ["z", "z世代", "世代"]),
        ("A/B测试", ["a/b", "ab", "a/b测试", "ab测试", "测试"]),
        ("1v1辅导", ["1v1", "辅导"]),
        ("check-in", ["check-in", "checkin", "check"]),
        ("gpt-4", ["gpt-4", "gpt4", "gpt", "4"]),
        ("see a.example.com/x/y", ["see", "example", "com"]),
        ("1990后", ["1990"]),
        ("", []),
        ("？！😀", []),
        ("怎么办呢", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert segment.words(text) == words


def test_the_same_characters_of_a_text_give_one_token() -> None:
    # 社群 is a word and a bigram, 复购 a word inside a word and a bigram.
    tokens = Counter(segment.words("社群的复购率"))
    assert tokens == Counter(["社群", "复购", "复购率", "购率"])


def test_bigrams_do_not_reach_over_stop_words() -> None:
    assert "群复" in segment.words("社群复购")
    assert not {"群的", "的复", "群复"} & set(segment.words("社群的复购"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("怎么让群里的人多说话？", ["群", "说话"]),
        ("请问如何提高社群的复购率呢", ["提高", "社群", "复购率"]),
        ("知识星球和小鹅通哪个好", ["知识星球", "小鹅通"]),
        ("有人白嫖咋整", ["白嫖"]),
        ("A/B测试", ["a/b测试"]),
        ("90后和Z世代", ["90后", "z世代"]),
        ("续费率40%-60%，8500元/月", ["续费率", "40%", "60%", "8500", "元", "月"]),
        ("打卡，打卡，再打卡", ["打卡"]),
        ("How to improve retention", ["improve", "retention"]),
        ("C语言", ["语言"]),
        ("为什么呢？", []),
    ],
)
def test_content_words(text: str, words: list[str]) -> None:
    assert segment.content_words(text) == words


@settings(max_examples=300)
@given(
    st.text(st.characters(exclude_categories=())) | st.text("社群怎么复购率的1.5w%,/-aZ世代测试 ")
)
@example("A/B测试1,000.5w40%")
def test_any_text_is_segmented(text: str) -> None:
    words, content = segment.words(text), segment.content_words(text)
    form = normalize.search_form(text)
    assert set(content) <= set(words)
    assert len(content) == len(set(content))
    assert all(word in form or word in form.replace(",", "") for word in content)
    assert all(word == word.strip() != "" for word in words)
    assert segment.words(form) == words


def test_two_scripts_and_two_widths_give_the_same_tokens() -> None:
    assert segment.words("付費會員的複購率１０％") == segment.words("付费会员的复购率10%")


def test_an_operators_term_stays_whole_and_is_no_stop_word() -> None:
    plain = Segmenter()
    own = Segmenter(["# ours", "灯塔计划", "U享卡", "怎么"])
    assert "灯塔计划" not in plain.content_words("灯塔计划怎么报名")
    assert own.content_words("灯塔计划怎么报名") == ["灯塔计划", "怎么", "报名"]
    assert own.content_words("买u享卡") == ["买", "u享卡"]


def test_the_fingerprint_follows_the_terms() -> None:
    plain = Segmenter().fingerprint
    assert Segmenter(["社群", "# nothing new"]).fingerprint == plain
    assert Segmenter(["灯塔计划"]).fingerprint != plain
    assert Segmenter(["灯塔计划"]).fingerprint == Segmenter(["灯塔计划", ""]).fingerprint


@pytest.mark.usefixtures("bundled_again")
def test_configure_changes_the_module_functions() -> None:
    # Whoever opened a copilot before may have left the terms of `knowledge/dictionary.txt`.
    segment.configure(())
    before = segment.fingerprint()
    segment.configure(["灯塔计划"])
    assert segment.content_words("灯塔计划") == ["灯塔计划"]
    assert segment.fingerprint() != before
    with pytest.raises(BadInput):
        segment.configure(["两个 词"])
    assert segment.content_words("灯塔计划") == ["灯塔计划"]
    segment.configure(())
    assert segment.fingerprint() == before


def test_the_operators_file_is_readable() -> None:
    lines = OPERATORS.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")
    assert Segmenter(lines).content_words("晨读营") == ["晨读营"]


@pytest.mark.usefixtures("bundled_again")
def test_threads_share_one_segmenter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "_default", None)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(segment.words, ["社群裂变"] * 64))
    assert results == [["社群", "群裂", "裂变"]] * 64
