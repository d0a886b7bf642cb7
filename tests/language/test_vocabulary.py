"""The word list and the division into words."""

import subprocess
import sys
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.errors import BadInput
from copilot.language import normalize, vocabulary
from copilot.language.vocabulary import Vocabulary

# Frequent characters, so that random runs hold words of two to four characters that overlap.
RUNS = st.text(
    st.sampled_from(
        "的一是不了人我在有他这中大来上个国和地到说们为子你出会也时要就可生成家心活用户社群动员分享知识运营"
    ),
    max_size=30,
)


@pytest.fixture(scope="module")
def general() -> Vocabulary:
    return Vocabulary()


@pytest.fixture(scope="module")
def jieba() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba

    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


@settings(max_examples=300)
@given(RUNS)
def test_divides_as_jieba_does(general: Vocabulary, jieba: Any, run: str) -> None:
    assert general.cut(run) == jieba.lcut(run, HMM=False)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("研究生命起源", ["研究", "生命", "起源"]),
        ("长春市长春节致辞", ["长春", "市长", "春节", "致辞"]),
        ("", []),
        ("龘靐", ["龘", "靐"]),
        ("𠮷野家", ["𠮷", "野", "家"]),
    ],
)
def test_cut(general: Vocabulary, run: str, words: list[str]) -> None:
    assert general.cut(run) == words


def test_added_words_stay_whole_and_known_ones_keep_their_frequency() -> None:
    changed = Vocabulary()
    assert changed.cut("完读率怎么样") != ["完读率", "怎么样"]
    changed.add(["完读率", "羊毛党", "研究"])
    assert changed.cut("完读率怎么样") == ["完读率", "怎么样"]
    assert changed.cut("有羊毛党来了")[1] == "羊毛党"
    assert changed.cut("研究生命起源") == ["研究", "生命", "起源"]


def test_bundled_data_is_in_search_form_and_without_repeats() -> None:
    terms = vocabulary.bundled_terms()
    assert len(terms) >= 500
    assert sorted(terms) == sorted(set(terms))
    assert {"社群", "裂变", "复购率", "小鹅通", "知识星球", "白嫖", "羊毛党", "koc"} <= set(terms)
    stop_words = vocabulary.bundled_stop_words()
    assert {"怎么", "如何", "什么", "哪些", "吗", "呢", "咋", "为啥", "请问"} <= stop_words
    assert [word for word in stop_words if normalize.search_form(word) != word] == []
    assert stop_words.isdisjoint(terms)


def test_read_terms() -> None:
    lines = ["# comment", "", "晨读营   # a course", "ＶＩＰ群", "裂變", "C#"]
    assert list(vocabulary.read_terms(lines)) == ["晨读营", "vip群", "裂变", "c#"]


@pytest.mark.parametrize("line", ["两个 词", "！！"])
def test_a_line_that_is_no_term_is_named(line: str) -> None:
    with pytest.raises(BadInput, match="dictionary line 2") as caught:
        list(vocabulary.read_terms(["好词", line]))
    assert repr(line) in caught.value.detail
    assert caught.value.remedy


def test_loading_writes_nothing(tmp_path: Any) -> None:
    program = "from copilot.language import segment; print(segment.words('社群裂变'))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"TMPDIR": str(tmp_path), "PYTHONUTF8": "1"},
    )
    assert done.stdout == "['社群', '群裂', '裂变']\n"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
