"""The question files: whole, typed, and with nothing in both splits."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from copilot.language import normalize
from evals import questions
from evals.questions import DATA, SPLITS, Question

GOOD = {
    "id": "x1",
    "q": "问",
    "kind": "answerable",
    "hard": False,
    "facts": [["甲", "乙"]],
    "sources": ["000#Q1"],
    "topic": "t",
}


def _all() -> list[Question]:
    return [question for split in SPLITS for question in questions.load(split)]


def _grams(text: str) -> frozenset[str]:
    form = re.sub(r"[\W_]+", "", normalize.search_form(text))
    return frozenset(form[i : i + 2] for i in range(max(1, len(form) - 1)))


def _write(folder: Path, row: object) -> Path:
    text = row if isinstance(row, str) else json.dumps(row)
    (folder / "questions.dev.jsonl").write_text(text + "\n", "utf-8")
    return folder


def test_ids_are_unique_across_splits() -> None:
    counts = Counter(question.id for question in _all())
    assert [id_ for id_, count in counts.items() if count > 1] == []


def test_there_are_enough_of_both_kinds() -> None:
    dev = questions.load("dev")
    assert len(dev) >= 60
    assert sum(not question.answerable for question in dev) >= 20
    for document in ("000", "002"):
        assert any(source.startswith(document) for q in dev for source in q.sources)


def test_no_topic_is_in_both_splits() -> None:
    dev, test = ({question.topic for question in questions.load(split)} for split in SPLITS)
    assert dev & test == set()


def test_no_question_of_test_is_nearly_one_of_dev() -> None:
    dev, test = ([(q.id, _grams(q.q)) for q in questions.load(split)] for split in SPLITS)
    near = [
        (one, other)
        for one, mine in dev
        for other, theirs in test
        if len(mine & theirs) > 0.7 * min(len(mine), len(theirs))
    ]
    assert near == []


def test_no_question_stands_twice_in_a_split() -> None:
    for split in SPLITS:
        forms = [
            (q.id, normalize.search_form(q.q).strip(" ?？!！。.")) for q in questions.load(split)
        ]
        assert [(a, b) for (a, x), (b, y) in combinations(forms, 2) if x == y] == []


def test_facts_and_sources_have_their_shape() -> None:
    for question in _all():
        for fact in question.facts:
            assert fact, question.id
            assert all(wording.strip() and len(wording) <= 12 for wording in fact), question.id
            assert all(normalize.simplified(wording) == wording for wording in fact), question.id
        for source in question.sources:
            assert re.fullmatch(r"000#Q\d{1,2}|002#\d{1,2}\.\d", source), question.id
        assert bool(question.facts) <= bool(question.sources), question.id


def test_everyday_questions_are_in_no_split() -> None:
    lines = (DATA / "everyday.jsonl").read_text("utf-8").splitlines()
    plain = [json.loads(line)["q"] for line in lines]
    assert len(set(plain)) == len(plain) >= 80
    known = {normalize.search_form(question.q) for question in _all()}
    assert known.isdisjoint(normalize.search_form(q) for q in plain)


def test_a_good_line_is_read(tmp_path: Path) -> None:
    [question] = questions.load("dev", _write(tmp_path, GOOD))
    assert question.facts == (("甲", "乙"),)
    assert (question.answerable, question.group, question.why) == (True, "easy", "")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "perhaps"},
        {"facts": []},
        {"kind": "unanswerable", "facts": []},
        {"why": "false_premise"},
        {"kind": "unanswerable", "why": "bored", "facts": []},
        {"topic": None, "sources": None},
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"questions\.dev\.jsonl:1"):
        questions.load("dev", _write(tmp_path, GOOD | change))


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"questions\.dev\.jsonl:1"):
        questions.load("dev", _write(tmp_path, "{"))


def test_data_lies_beside_the_evals() -> None:
    assert (DATA / "README.md").is_file()
