from __future__ import annotations

import pickle

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.playbook.cleaning.front_matter import FrontMatter, take

FULL = """---
# 一行说明
title: "群规：三条"
audience: operator   # 只给运营看
asks:
  - 群规怎么定？
  - "人少: 怎么办"
  - '他''说''不'
tags: [新人, "甲, 乙", 'c']
empty:
date: 2024-03-02
---

# 正文
"""


def test_front_matter_is_taken_off() -> None:
    meta, rest, unread = take(FULL)
    assert dict(meta) == {
        "title": "群规：三条",
        "audience": "operator",
        "asks": ("群规怎么定？", "人少: 怎么办", "他'说'不"),
        "tags": ("新人", "甲, 乙", "c"),
        "empty": "",
        "date": "2024-03-02",
    }
    assert rest == "# 正文\n"
    assert unread == ""


def test_it_is_a_mapping_that_can_be_hashed_and_sent_to_another_process() -> None:
    meta = take(FULL)[0]
    assert meta["audience"] == "operator"
    assert meta.get("nothing") is None
    assert "asks" in meta
    assert len(meta) == 6
    assert hash(meta) == hash(take(FULL)[0])
    assert pickle.loads(pickle.dumps(meta)) == meta
    with pytest.raises(KeyError):
        meta["nothing"]


@pytest.mark.parametrize(
    "text",
    [
        "正文",
        "",
        "---\n",
        "---\n正文\n---\n正文",
        "----\na: b\n---\n",
        "正文\n---\na: b\n---\n",
        "---\na: b\n",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert take(text) == (FrontMatter(), text, "")


@pytest.mark.parametrize(
    "line",
    [
        "a: {x: 1}",
        "a: |",
        "a: &x 1",
        "a: [x, [y]]",
        'a: "x',
        "  nested: 1",
        "a: b: c",
        "a:\n  b: c",
        "a: 1\na: 2",
        "- x",
    ],
)
def test_what_is_not_understood_is_named_and_not_guessed(line: str) -> None:
    meta, rest, unread = take(f"---\nok: 1\n{line}\n---\n正文")
    assert meta == FrontMatter()
    assert rest == "正文"
    assert unread
    assert unread in line


words = st.text("甲乙ab19 ，：、？!.#'\"-", min_size=1, max_size=12).map(str.strip).filter(bool)


@given(st.dictionaries(st.sampled_from("abcd"), words | st.lists(words, min_size=1, max_size=4)))
@settings(max_examples=200, deadline=None)
def test_what_yaml_writes_is_read_as_yaml_reads_it(values: dict[str, str | list[str]]) -> None:
    text = yaml.safe_dump(values, allow_unicode=True, width=10_000, default_flow_style=False)
    meta, _, unread = take(f"---\n{text}---\n正文")
    expected = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    assert unread or dict(meta) == expected
    if all(set(word) <= set("甲乙ab19，") for each in values.values() for word in each):
        assert not unread
