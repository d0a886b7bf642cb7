"""Search: who sees what, in which order, with which scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from copilot.playbook import search
from copilot.playbook.evidence import Hit, Passage
from tests.conftest import SECRET

if TYPE_CHECKING:
    from copilot.app import Copilot
    from tests.conftest import Opener


def _hit(text: str, score: float) -> Hit:
    return Hit(Passage(text[:4], "a.md", "标题", "节", text, "member"), score)


def test_the_passage_that_says_it_comes_first(copilot: Copilot) -> None:
    [first, *_] = copilot.search("读书会的预算是多少钱", "member")
    assert "1500元" in first.passage.text


def test_members_never_see_what_is_for_staff(copilot: Copilot) -> None:
    for question in ("退款谁来批准", "有人要退钱怎么办", "内部口令", "新运营第一周做什么"):
        hits = copilot.search(question, "member", 50)
        assert {hit.passage.audience for hit in hits} == {"member"}
        assert all(SECRET not in hit.passage.text for hit in hits)
    [first, *_] = copilot.search("有人要退钱怎么办", "operator")
    assert first.passage.audience == "operator"


def test_scores_fall_and_no_passage_comes_twice(copilot: Copilot) -> None:
    hits = copilot.search("怎么提高群活跃度", "operator", 50)
    ids = [hit.passage.id for hit in hits]
    assert len(ids) == len(set(ids)) > 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert np.mean([hit.score for hit in hits]) == pytest.approx(0.0, abs=0.5)


def test_k_limits_the_hits_and_does_not_change_their_order(copilot: Copilot) -> None:
    many = copilot.search("怎么提高群活跃度", "operator", 6)
    few = copilot.search("怎么提高群活跃度", "operator", 2)
    assert [hit.passage.id for hit in few] == [hit.passage.id for hit in many][:2]


def test_raw_scores_are_kept_for_the_gate(copilot: Copilot) -> None:
    [first, *_] = copilot.search("会员流失的信号是什么", "member")
    assert first.lexical > 0
    assert 0.3 < first.dense <= 1.0


def test_traditional_and_simplified_find_the_same(copilot: Copilot) -> None:
    one, other = (copilot.search(q, "member", 5) for q in ("读书会的预算", "讀書會的預算"))
    assert [hit.passage.id for hit in one] == [hit.passage.id for hit in other]


def test_words_alone_are_searched_while_there_are_no_vectors(
    open_copilot: Opener, sample_playbook: object
) -> None:
    copilot = open_copilot(sample_playbook)
    copilot.wait()
    # As during a rebuild: nothing is held until the new vectors are whole.
    held, copilot._index._vectors = copilot._index._vectors, None
    try:
        [first, *_] = copilot.search("读书会的预算是多少钱", "member")
    finally:
        copilot._index._vectors = held
    assert "1500元" in first.passage.text
    assert first.lexical > 0


def test_nothing_indexed_finds_nothing(open_copilot: Opener) -> None:
    assert open_copilot().search("读书会的预算", "operator") == []


def test_a_repetition_moves_down_and_others_keep_their_order() -> None:
    said = "每天早上九点抛一个人人能答的小问题，让大家开口。"
    hits = [_hit(said, 3.0), _hit(said + "再说一遍。", 2.5), _hit("读书会每月一次，先报名。", 2.0)]
    found = search._without_repeats(hits)
    assert [hit.passage.text for hit in found] == [
        each.passage.text for each in (hits[0], hits[2], hits[1])
    ]


def test_a_statement_deep_in_a_long_passage_is_found(
    open_copilot: Opener, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("long")
    filler = "社群运营需要长期投入，团队要有耐心，制度要逐步完善，氛围要慢慢培养。" * 6
    (folder / "long.md").write_text(f"# 总论\n\n{filler}抽奖的奖品不超过五十元。{filler}", "utf-8")
    (folder / "other.md").write_text("# 奖励制度\n\n奖励要公平，奖励要透明，奖励要及时。", "utf-8")
    [first, *_] = open_copilot(folder).search("抽奖奖品最多花多少钱", "operator")
    assert "五十元" in first.passage.text
