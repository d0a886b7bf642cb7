"""Search: who sees what, in which order, with which scores."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from copilot import store
from copilot.language.glossary import Glossary
from copilot.playbook import search
from copilot.playbook.evidence import Hit, Passage
from copilot.playbook.index import Index
from copilot.playbook.records import Records
from copilot.playbook.search import Searcher
from tests.conftest import NOW, SECRET, wait_until, write_documents
from tests.playbook.passages_made import Made, passage, save

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


# Asks --------------------------------------------------------------------------------------------

# What is asked shares no word with what it is answered by.
ASKED = {
    "a.md": """---
asks:
  - 大家潜水不冒泡咋整
---
# 唤醒

## 第一步

每天早上九点抛一个人人能答的小话题，答过的人送一枚贴纸。
""",
    "b.md": "# 场地\n\n## 咖啡馆\n\n读书会选在咖啡馆，十二到二十人，先签到再入座。\n",
    "c.md": "# 账目\n\n## 报销\n\n报销单每月五号之前交给财务，附上发票的照片。\n",
}


def test_a_passage_is_found_by_how_people_ask_for_it(open_copilot: Opener, tmp_path: Path) -> None:
    copilot = open_copilot(write_documents(tmp_path / "asked", ASKED))
    copilot.wait()
    [first, *others] = copilot.search("群友都在潜水，没人冒泡", "member")
    assert first.passage.title == "唤醒"
    assert first.why.asked == "大家潜水不冒泡咋整"
    assert first.why.ask > max(first.why.body, first.why.statement)
    assert {"潜水", "冒泡"} <= set(first.why.words)
    assert [(hit.why.asked, hit.why.ask) for hit in others] == [("", 0.0)] * len(others)
    # By vector alone: without it, no word of the question is in the passage or its ask.
    [first, *_] = copilot.search("没有人说话，都不吭声", "member")
    assert (first.passage.title, first.why.words) == ("唤醒", ())


def test_an_ask_counts_as_the_nearest_statement(open_copilot: Opener, tmp_path: Path) -> None:
    copilot = open_copilot(write_documents(tmp_path / "asked", ASKED))
    copilot.wait()
    [first, *_] = copilot.search("大家潜水不冒泡咋整", "member")
    assert first.why.ask == pytest.approx(1.0, abs=1e-3)
    assert first.dense == pytest.approx((first.why.body + first.why.ask) / 2, abs=1e-3)


# Glossary ----------------------------------------------------------------------------------------


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with closing(store.connect(url, backups=tmp_path, now=NOW)) as opened:
        yield Records(opened)


def _indexed(
    folder: Path, records: Records, passages: list[Passage], model: Made | None = None
) -> Index:
    save(records, passages)
    index = Index(folder / "index", records, model or Made(), reference="old")
    index.sync()
    index.wait()
    return index


def test_a_colloquial_word_finds_what_the_formal_term_says(
    tmp_path: Path, records: Records
) -> None:
    passages = [
        passage("p1", "读书会选在咖啡馆。"),
        passage("p2", "复购要靠新品和提醒。", position=1),
        passage("p3", "公告写在群名下面。", position=2),
    ]
    # Made vectors know no meaning: only words can tell the three apart.
    with closing(_indexed(tmp_path, records, passages)) as index:
        question = "回頭客太少怎么办"
        knowing = Glossary([("复购", "回头客"), ("转化", "成交")])
        plain, told = (
            {
                hit.passage.id: hit
                for hit in Searcher(records, index, each).search(question, "member", 3)
            }
            for each in (Glossary(), knowing)
        )
    assert [hit.lexical for hit in plain.values()] == [0.0] * 3
    assert {id_ for id_, hit in told.items() if hit.lexical > 0} == {"p2"}
    assert told["p2"].score > plain["p2"].score
    assert {id_: hit.why.terms for id_, hit in told.items()} == {
        "p1": (),
        "p2": ("回头客 → 复购",),
        "p3": (),
    }
    assert all(hit.why.terms == () for hit in plain.values())


def test_the_words_of_the_house_lead_to_what_the_playbook_calls_them(
    open_copilot: Opener, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "glossary.csv").write_text("term,synonyms\n报销单,小黄条\n", "utf-8")
    copilot = open_copilot(write_documents(tmp_path / "asked", ASKED), home=home)
    copilot.wait()
    [first, *_] = copilot.search("小黄条每月几号交", "member")
    assert (first.passage.title, first.why.terms) == ("账目", ("小黄条 → 报销单",))


def test_a_term_counts_less_than_the_word_itself(tmp_path: Path, records: Records) -> None:
    passages = [
        passage("p1", "复购要靠新品和提醒。"),
        passage("p2", "转化要靠新品和提醒。", position=1),
    ]
    with closing(_indexed(tmp_path, records, passages)) as index:
        searcher = Searcher(records, index, Glossary([("复购", "回头客")]))
        hits = {hit.passage.id: hit for hit in searcher.search("回头客和转化", "member", 2)}
        assert 0 < hits["p1"].lexical < hits["p2"].lexical


# Another embedder --------------------------------------------------------------------------------


class _Gated(Made):
    """Embeds when it may."""

    def __init__(self, name: str, dimensions: int) -> None:
        super().__init__(name, dimensions)
        self.go = threading.Event()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As made, once it may."""
        assert self.go.wait(20)
        return super().encode(texts)


class _Overtaken(Made):
    """While it encodes a question, the embedder after it is done and takes its place."""

    def __init__(self, after: _Gated) -> None:
        super().__init__()
        self.after = after
        self.index: Index | None = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As made; the first time once an index is there, only after the switch."""
        if self.index is not None and not self.after.go.is_set():
            self.after.go.set()
            index = self.index
            wait_until(lambda: index.embedder is self.after)
        return super().encode(texts)


@pytest.mark.parametrize("dimensions", [16, 24])
def test_a_search_that_the_switch_overtakes_is_done_again(
    tmp_path: Path, records: Records, dimensions: int
) -> None:
    passages = [passage(f"p{n}", f"第{n}件事怎么办。", position=n) for n in range(20)]
    new = _Gated("new@1", dimensions)
    old = _Overtaken(new)
    _indexed(tmp_path, records, passages, old).close()
    with closing(
        Index(tmp_path / "index", records, new, reference="new", load=lambda _: old)
    ) as switching:
        switching.wait()
        assert switching.embedder is old
        old.texts.clear()
        old.index = switching
        hits = Searcher(records, switching, Glossary()).search(passages[7].text, "member", 3)
        assert switching.embedder is new
        # Both were asked; what counts is what the new one says, alone.
        assert passages[7].text in old.texts
        assert passages[7].text in new.texts
        assert hits[0].passage.id == "p7"
        assert hits[0].why.body == pytest.approx(1.0, abs=1e-3)
        assert hits[1].why.body < 0.9
