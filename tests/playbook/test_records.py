"""The playbook's records, on SQLite and PostgreSQL: whole documents in, visible passages out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from copilot.errors import NotFound
from copilot.playbook.evidence import AUDIENCES, VISIBLE, Passage
from copilot.playbook.records import Records
from copilot.playbook.rows import (
    DocumentRow,
    PassageRow,
    content_of,
    digest_of,
    to_embed,
)
from copilot.store import Store
from tests.playbook.passages_made import EMBEDDER, passage, save, vector


@pytest.fixture
def records(records_store: Store) -> Records:
    return Records(records_store)


def content(one: Passage) -> str:
    return content_of(to_embed(one.title, one.section, one.text))


THREE = [
    passage("p1", "先发欢迎语。", section="一 › 1", position=0, asks=("怎么欢迎新人",)),
    passage("p2", "再约私聊。", section="一 › 1", position=1),
    passage("p3", "口令是保密的。", audience="operator", section="一 › 2", position=2),
]


def test_a_document_comes_back_as_it_was(records: Records) -> None:
    save(records, THREE)
    found = records.passages(["p1", "p2", "p3", "p4"], AUDIENCES)
    assert found == {each.id: each for each in THREE}
    assert records.count() == 3
    assert records.known("/root") == {"a.md": "digest-of-a.md"}
    assert records.reports() == [("/root", "a.md", "手册", {"missing": [], "repaired": []})]


def test_many_ids_load_at_once(records: Records) -> None:
    save(records, [passage(f"p{n}", f"第{n}段", position=n) for n in range(1201)])
    assert len(records.load([f"p{n}" for n in range(1201)])) == 1201


def test_saving_again_replaces_the_whole_document(records: Records) -> None:
    save(records, THREE)
    save(records, [replace(THREE[0], text="改过了。"), passage("p9", "新的。", position=1)])
    assert set(records.digests()) == {"p1", "p9"}
    assert records.passages(["p1"], AUDIENCES)["p1"].text == "改过了。"
    assert len(records.reports()) == 1


def test_a_document_without_passages_is_known(records: Records) -> None:
    save(records, [])
    assert (records.count(), records.known("/root")) == (0, {"a.md": "digest-of-a.md"})


def test_an_error_in_the_middle_keeps_the_old_document(records: Records) -> None:
    save(records, THREE)
    generation = records.generation()
    with pytest.raises(KeyError):
        records.save_document(
            "/root",
            "a.md",
            digest="new",
            title="新",
            audience="member",
            report={},
            passages=[passage("p7", "没有向量")],
            embeddings={},
            embedder=EMBEDDER,
        )
    assert set(records.digests()) == {"p1", "p2", "p3"}
    assert records.known("/root") == {"a.md": "digest-of-a.md"}
    assert records.generation() == generation


def test_every_change_and_only_a_change_moves_the_generation(records: Records) -> None:
    seen = [records.generation()]

    def moved() -> bool:
        seen.append(records.generation())
        return seen[-1] not in seen[:-1]

    save(records, THREE)
    assert moved()
    save(records, [passage("q1", "另一份")], source="b.md")
    assert moved()
    records.embeddings.keep({content_of("x"): vector("x")}, "other@1")
    assert moved()
    records.drop_documents("/root", ["b.md"])
    assert moved()
    records.drop_documents("/root", [])
    records.count(), records.digests(), records.roots(), records.known("/root")
    assert not moved()
    records.remove_root("/root")
    assert moved()


def test_dropping_takes_the_passages_along(records: Records, records_store: Store) -> None:
    save(records, THREE)
    save(records, [passage("q1", "另一份")], source="b.md")
    assert records.drop_documents("/root", ["a.md"]) == 1
    with records_store.read() as session:
        assert session.scalars(select(DocumentRow.source)).all() == ["b.md"]
        assert session.scalars(select(PassageRow.id)).all() == ["q1"]


def test_the_same_file_below_two_roots_stands_twice(records: Records) -> None:
    save(records, [passage("p1", "甲")], root="/one")
    save(records, [passage("p2", "甲")], root="/two")
    records.drop_documents("/one", ["a.md"])
    assert set(records.digests()) == {"p2"}


def test_removing_a_root_takes_everything_along(records: Records, records_store: Store) -> None:
    save(records, THREE)
    save(records, [passage("q1", "别处")], root="/other")
    assert records.remove_root("/root") == 1
    assert [root.path for root in records.roots()] == ["/other"]
    with records_store.read() as session:
        assert session.scalars(select(PassageRow.id)).all() == ["q1"]
    with pytest.raises(NotFound, match=r"'/root'.*/other"):
        records.remove_root("/root")


def test_a_root_keeps_its_newest_audience(records: Records) -> None:
    records.add_root("/a", "member")
    records.add_root("/a", "operator")
    assert [(root.path, root.audience) for root in records.roots()] == [("/a", "operator")]


def test_digest_follows_what_is_searched_and_nothing_else() -> None:
    one = THREE[0]
    for changed in (
        replace(one, text="别的"),
        replace(one, title="别的"),
        replace(one, section="别的"),
        replace(one, audience="operator"),
        replace(one, asks=("别的",)),
        replace(one, asks=()),
    ):
        assert digest_of(changed) != digest_of(one)
    assert digest_of(replace(one, id="x", source="y", position=9)) == digest_of(one)


# Asks --------------------------------------------------------------------------------------------


def asks(records: Records, id_: str) -> list[tuple[str, str]]:
    """A passage's asks with their origins; its passage and its digest agree with them."""
    found = [(ask.text, ask.origin) for ask in records.asks_of(id_)]
    passage_ = records.passages([id_], AUDIENCES)[id_]
    assert passage_.asks == tuple(text for text, _ in found)
    assert records.digests()[id_][0] == digest_of(passage_)
    return found


def test_asks_are_added_once_and_taken_away(records: Records) -> None:
    save(records, THREE)
    before, generation = records.digests(), records.generation()
    assert (
        records.add_asks("p1", ["新人来了干啥", " ", "怎么欢迎新人", "新人来了干啥 "], "model") == 1
    )
    assert records.add_asks("p1", ["欢迎词咋写"], "person") == 1
    assert asks(records, "p1") == [
        ("怎么欢迎新人", "author"),
        ("新人来了干啥", "model"),
        ("欢迎词咋写", "person"),
    ]
    assert records.digests()["p1"] != before["p1"]
    assert records.generation() != generation
    assert set(records.embeddings.texts(records.embeddings.missing(EMBEDDER)).values()) == {
        "怎么欢迎新人",
        "新人来了干啥",
        "欢迎词咋写",
    }
    records.remove_ask("p1", "新人来了干啥")
    records.remove_ask("p1", "欢迎词咋写")
    assert records.digests() == before
    generation = records.generation()
    assert records.add_asks("p1", ["怎么欢迎新人"], "person") == 0
    assert records.generation() == generation


def test_only_added_asks_can_be_taken_away(records: Records) -> None:
    save(records, THREE)
    with pytest.raises(NotFound, match="front matter"):
        records.remove_ask("p1", "怎么欢迎新人")
    with pytest.raises(NotFound, match="'没有的'"):
        records.remove_ask("p1", "没有的")
    for call in (
        lambda: records.asks_of("p9"),
        lambda: records.add_asks("p9", ["问"], "person"),
        lambda: records.remove_ask("p9", "问"),
    ):
        with pytest.raises(NotFound, match="'p9'"):
            call()


def test_added_asks_stay_while_their_passage_does(records: Records) -> None:
    save(records, THREE)
    for id_ in ("p1", "p2", "p3"):
        records.add_asks(id_, ["加的一问", "作者后来也写了的"], "person")
    changed = [
        replace(THREE[0], asks=("怎么欢迎新人", "作者后来也写了的")),
        replace(THREE[1], text="改过了。"),
    ]
    save(records, changed)
    assert asks(records, "p1") == [
        ("怎么欢迎新人", "author"),
        ("作者后来也写了的", "author"),
        ("加的一问", "person"),
    ]
    assert asks(records, "p2") == [("加的一问", "person"), ("作者后来也写了的", "person")]
    save(records, THREE)
    assert asks(records, "p3") == []
    records.remove_root("/root")
    save(records, THREE)
    assert asks(records, "p1") == [("怎么欢迎新人", "author")]


def test_vectors_of_asks_come_by_passage(records: Records) -> None:
    save(records, THREE)
    records.add_asks("p2", ["新人来了干啥", "怎么欢迎新人"], "model")
    assert records.ask_vectors(["p1", "p2"]) == {}
    said = {content_of(ask): vector(ask) for ask in ("怎么欢迎新人", "新人来了干啥")}
    records.embeddings.keep(said, EMBEDDER)
    found = records.ask_vectors(["p1", "p2", "p3", "p4"])
    assert set(found) == {"p1", "p2"}
    assert np.array_equal(found["p1"], np.stack([vector("怎么欢迎新人")]))
    assert np.array_equal(found["p2"], np.stack([vector("新人来了干啥"), vector("怎么欢迎新人")]))
    assert found["p2"].dtype == np.float32
    assert records.ask_vectors(["p1"], "other@1") == {}


def test_asking_shows_no_passage_to_those_it_is_hidden_from(records: Records) -> None:
    save(records, THREE)
    records.add_asks("p3", ["怎么欢迎新人"], "model")
    contents = [content_of("怎么欢迎新人"), content_of("别的")]
    assert [row[0] for row in records.asking(contents, VISIBLE["member"])] == ["p1"]
    rows = records.asking(contents, VISIBLE["operator"])
    assert {(id_, text) for id_, _, text in rows} == {
        ("p1", "怎么欢迎新人"),
        ("p3", "怎么欢迎新人"),
    }


# Who may see what --------------------------------------------------------------------------------


def mixed(records: Records) -> dict[str, Passage]:
    passages = [
        passage("m", "成员可见", audience="member", section="同一节", position=0),
        passage("o", "运营可见", audience="operator", section="同一节", position=1),
        passage("t", "学员可见", audience="trainee", section="同一节", position=2),
    ]
    save(records, passages)
    return {each.id: each for each in passages}


def test_a_member_gets_no_other_passage_by_id(records: Records) -> None:
    known = mixed(records)
    assert records.passages(list(known), VISIBLE["member"]) == {"m": known["m"]}
    assert records.passages(list(known), VISIBLE["operator"]) == known


def test_a_member_reads_no_other_passage_of_the_same_section(records: Records) -> None:
    known = mixed(records)
    assert records.section("m", VISIBLE["member"]) == [known["m"]]
    assert records.section("m", VISIBLE["trainee"]) == list(known.values())
    for hidden in ("o", "t"):
        with pytest.raises(NotFound, match=f"'{hidden}'"):
            records.section(hidden, VISIBLE["member"])


def test_a_hidden_section_reads_like_one_that_is_not_there(records: Records) -> None:
    mixed(records)
    messages = []
    for id_ in ("o", "x"):
        with pytest.raises(NotFound) as caught:
            records.section(id_, VISIBLE["member"])
        messages.append(str(caught.value).replace(f"'{id_}'", "…"))
    assert messages[0] == messages[1]


def test_sections_list_what_may_be_seen_in_order(records: Records) -> None:
    save(records, THREE)
    assert records.sections(AUDIENCES) == [("p1", "手册", "一 › 1"), ("p3", "手册", "一 › 2")]
    assert records.sections(VISIBLE["member"]) == [("p1", "手册", "一 › 1")]


@pytest.mark.parametrize("text", ["a\x00b", "问\ud800题", "𠮷野家", "a" * 100_000])
def test_any_text_can_be_kept(records: Records, text: str) -> None:
    save(records, [passage("p1", text, asks=(text,))], source=f"{text[:20]}.md")
    (kept,) = records.passages(["p1"], AUDIENCES).values()
    assert kept.text.strip("\ufffd")
    assert len(kept.text) == len(text)


def test_a_source_of_strange_characters_is_found_again(records: Records) -> None:
    """File names need not be UTF-8: Python reads the rest as lone surrogates."""
    save(records, [passage("p1", "甲")], source="a\udcff.md")
    save(records, [passage("p1", "乙")], source="a\udcff.md")
    assert records.count() == 1
    assert records.drop_documents("/root", ["a\udcff.md"]) == 1
    assert records.count() == 0
