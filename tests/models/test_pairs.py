"""Reading the training texts: the join with damaged documents, hold-out, and what is paired."""

from __future__ import annotations

import gzip
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.errors import BadInput
from copilot.models import pairs
from copilot.models.pairs import Pair, Topic

# Made up, damaged the way scraped books are: pinyin after converted characters, traditional
# script, paragraphs that begin with "?", one of them a byte out of step, headings glued on.
BOOK = (
    "目錄\n1.1讀書會怎麼辦\n\n#1.1讀書會怎麼辦?讀書會的場地要安靜,關(guān)鍵是位置好找。"
    "到場的人要繼續(xù)留在群裡。?;釉O(shè)計要簡單,每次只問一個問題。1.2拍照?拍照要先問過大家。"
)
QUESTIONS = """# 问答

### 1. 怎么办读书会？

**答案：** 先定场地。

### 2. 怎么收费？

**答案：** 按月收。
"""


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "000_a.txt").write_text(QUESTIONS, encoding="utf-8")
    (folder / "002_b.txt").write_text(BOOK, encoding="utf-8")
    return folder


def asks_file(tmp_path, *rows):
    file = tmp_path / "asks.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return file


def test_asks_find_their_passages_in_damaged_documents(tmp_path, documents):
    keys = [
        "000#Q2",
        "002#? 读书会的场地要安静,关键是",
        "002#? ;釉O(shè)计要简单,每次只",
        "002#? 拍照要先问过大家。",
        "002#? 没有这一段",
    ]
    file = asks_file(tmp_path, *({"key": key, "asks": ["问"]} for key in keys))
    topics = pairs.read_asks(file, documents)
    assert [topic.key for topic in topics] == keys
    assert [topic.passages for topic in topics] == [
        ("**答案：** 按月收。",),
        ("读书会的场地要安静,关键是位置好找。到场的人要继续留在群里。?;",),
        ("釉O计要简单,每次只问一个问题。",),
        ("拍照要先问过大家。",),
        (),
    ]
    assert topics[0].title == "怎么收费？"


def test_a_missing_document_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"no 000_\*\.txt .* --playbook"):
        pairs.read_asks(asks_file(tmp_path), tmp_path)


def test_entries_give_sections_with_their_headings(tmp_path):
    entry = '---\nid: a\ntitle: 冷群\nasks: [没人说话, "冷了 咋办"]\n---\n\n## 要点\n\n先问。\n\n## 相关\n- [[b]]\n'
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.md").write_text(entry, encoding="utf-8")
    (tmp_path / "x" / "b.md").write_text("只有正文\n", encoding="utf-8")
    first, second = pairs.read_knowledge(tmp_path)
    assert first == Topic("a", "冷群", ("冷群 要点\n先问。",), ("没人说话", "冷了 咋办"))
    assert second == Topic("x/b.md", "b", ("b \n只有正文",), ())


def general(folder, name, *rows):
    with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def test_general_pairs_come_once_and_with_hard_negatives(tmp_path):
    general(tmp_path, "1", {"query": "甲", "passage": "乙"}, {"query": "丙", "passage": "丁"})
    labelled = [
        {"a": "甲", "b": "乙", "label": 1},
        {"a": "己", "b": "甲", "label": 0},
        {"a": "庚", "b": "辛", "label": 1},
    ]
    general(tmp_path, "2", *labelled)
    assert pairs.read_general(tmp_path) == [
        Pair("甲", "乙", "己"),
        Pair("丙", "丁"),
        Pair("庚", "辛"),
    ]


def test_general_rows_of_another_form_are_named(tmp_path):
    general(tmp_path, "1", {"text": "甲"})
    with pytest.raises(BadInput, match=r"1\.jsonl\.gz line 1: keys \['text'\]"):
        pairs.read_general(tmp_path)
    with pytest.raises(BadInput, match=r"no \*\.jsonl\.gz"):
        pairs.read_general(tmp_path / "nowhere")


def test_synonyms_need_two_words(tmp_path):
    file = tmp_path / "synonyms.txt"
    file.write_text("\ufeff# 组\n复购,回头客， 复购\n\n孤单\n", encoding="utf-8")
    assert pairs.read_synonyms(file) == [("复购", "回头客")]


def test_a_glossary_gives_its_words_but_not_its_notes(tmp_path):
    file = tmp_path / "glossary.csv"
    rows = "term,synonyms,english,note\n复购,回头客|又来买,repurchase,转化\n孤单,,,无\n"
    file.write_text(rows, encoding="utf-8")
    assert pairs.read_synonyms(file) == [("复购", "回头客", "又来买", "repurchase")]


topics = st.lists(
    st.builds(
        Topic,
        key=st.just("k"),
        title=st.sampled_from(["", "题"]),
        passages=st.lists(st.text(min_size=1), max_size=2).map(tuple),
        asks=st.lists(st.text(min_size=1), max_size=12, unique=True).map(tuple),
        words=st.lists(st.lists(st.text(min_size=1), max_size=3).map(tuple), max_size=2).map(tuple),
    ),
    max_size=4,
)


@given(topics, st.integers(0, 3))
def test_held_out_asks_are_gone_and_no_others(found, seed):
    kept, questions = pairs.hold_out(found, 0.25, seed)
    assert (kept, questions) == pairs.hold_out(found, 0.25, seed)
    for index, (before, after) in enumerate(zip(found, kept, strict=True)):
        away = [text for text, topic in questions if topic == index]
        assert len(away) == round(len(before.asks) / 4)
        assert set(after.asks) | set(away) == set(before.asks)
        assert not set(after.asks) & set(away)


@given(topics)
def test_pairs_stay_in_their_topic(found):
    made = pairs.domain_pairs(found, [["好", "好"], ["赞", "好"]], random.Random(1))
    solid = [("".join(p.query.split()), "".join(p.passage.split()), p.topic) for p in made]
    assert [pair for pair in solid if pair[2] < 0] == [("赞", "好", -1), ("好", "赞", -1)]
    for query, passage, number in solid:
        if number >= 0:
            topic = found[number]
            texts = [*topic.asks, topic.title, *(word for group in topic.words for word in group)]
            assert query in {"".join(text.split()) for text in texts}
            answers = [
                *topic.passages,
                *topic.asks,
                *(word for group in topic.words for word in group),
            ]
            assert passage in {"".join(text.split()) for text in answers}
    asked = sum(len(topic.asks) for topic in found if topic.passages)
    assert len([pair for pair in made if pair.topic >= 0]) >= asked


def test_asks_meet_whole_passages_and_their_sentences():
    text = "第一句话说的是这个。第二句话说的是那个。第三句话说别的。"
    topic = Topic("k", "", (text,), ("问",))
    made = pairs.domain_pairs([topic] * 200, [], random.Random(1))
    met = {pair.passage.replace(" ", "") for pair in made}
    assert text in met
    assert "第二句话说的是那个。" in met
    assert all(part in text for part in met)


@given(st.text(alphabet="甲乙丙 \n", max_size=3000))
def test_cutting_loses_nothing(text):
    pieces = list(pairs.cut(text))
    assert all(0 < len(piece) <= pairs.PASSAGE_CHARACTERS for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
