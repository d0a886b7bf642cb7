"""Words: Chinese is found, queries are harmless, audiences are kept apart, damage is met."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.errors import IndexDamaged
from copilot.language import segment
from copilot.playbook import lexical
from copilot.playbook.evidence import AUDIENCES, Audience, Passage
from copilot.playbook.lexical import Lexical
from copilot.playbook.records import Indexed
from copilot.playbook.rows import digest_of
from tests.playbook.passages_made import passage

PASSAGES = [
    passage("welcome", "新人进群当天发欢迎语，说明群规。", section="新人"),
    passage("budget", "读书会预算1500元，茶点占40%。", section="活动 › 预算"),
    passage("refund", "退款由主管审批。", audience="operator", asks=("有人要退钱怎么办",)),
    passage("trad", "社群運營要看活躍用戶。", section="繁體"),
    passage("latin", "用 SCRM 做 a/b 测试, check-in 三次。"),
]


def indexed(one: Passage) -> Indexed:
    return Indexed(one, digest_of(one))


def fill(words: Lexical) -> Lexical:
    words.put(indexed(each) for each in PASSAGES)
    return words


@pytest.fixture
def words(tmp_path: Path) -> Iterator[Lexical]:
    with closing(Lexical(tmp_path / "words.db")) as opened:
        yield fill(opened)


@pytest.fixture(scope="module")
def shared_words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lexical]:
    with closing(Lexical(tmp_path_factory.mktemp("words") / "words.db")) as opened:
        yield fill(opened)


def found(words: Lexical, question: str) -> list[str]:
    return [id_ for id_, _ in words.search(question, AUDIENCES, 10)]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("群规", "welcome"),
        ("预算", "budget"),
        ("茶点", "budget"),
        ("40%", "budget"),
        ("1500元", "budget"),
        ("退钱", "refund"),
        ("活跃", "trad"),
        ("運營", "trad"),
        ("scrm", "latin"),
        ("A/B测试", "latin"),
        ("checkin", "latin"),
    ],
)
def test_short_words_are_found_in_any_script(
    shared_words: Lexical, question: str, first: str
) -> None:
    assert found(shared_words, question)[:1] == [first]


def test_what_nobody_says_is_not_found(shared_words: Lexical) -> None:
    assert found(shared_words, "量子力学") == []
    assert found(shared_words, "") == []
    assert found(shared_words, "？！…") == []


def test_scores_are_positive_and_fall(shared_words: Lexical) -> None:
    scores = [score for _, score in shared_words.search("新人的预算和退款", AUDIENCES, 10)]
    assert len(scores) >= 3
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] >= 0


def test_the_limit_holds(shared_words: Lexical) -> None:
    assert len(shared_words.search("新人 预算 退款 社群 测试", AUDIENCES, 2)) == 2


def test_only_the_audiences_named_are_searched(shared_words: Lexical) -> None:
    assert [id_ for id_, _ in shared_words.search("退款", ("operator",), 10)] == ["refund"]
    assert shared_words.search("退款 有人要退钱怎么办", ("member", "trainee"), 10) == []


def test_the_most_frequent_words_are_left_out_where_they_cost_too_much(
    words: Lexical, monkeypatch: pytest.MonkeyPatch
) -> None:
    words.put(indexed(passage(f"p{n}", "活动要提前说明。")) for n in range(50))
    assert len(words.search("活动 茶点", AUDIENCES, 99)) == 51
    monkeypatch.setattr(lexical, "_BUDGET", 40)
    assert [id_ for id_, _ in words.search("活动 茶点", AUDIENCES, 99)] == ["budget"]
    # Alone, it is the rarest there is; a word that nobody says costs nothing.
    assert len(words.search("活动", AUDIENCES, 99)) == 51
    assert len(words.search("量子 活动", AUDIENCES, 99)) == 51


@pytest.mark.parametrize(
    "audiences",
    [
        ("member",),
        ("operator",),
        ("trainee",),
        ("member", "trainee"),
        ("operator", "trainee"),
        AUDIENCES,
    ],
)
def test_every_set_of_audiences_is_searched_whole(
    words: Lexical, audiences: tuple[Audience, ...]
) -> None:
    for n in range(9):
        words.put([indexed(passage(f"x{n}", "同样的话。", audience=AUDIENCES[n % 3]))])
    words.put([indexed(passage("x0", "同样的话。", audience="trainee"))])
    wanted = {f"x{n}" for n in range(1, 9) if AUDIENCES[n % 3] in audiences}
    wanted |= {"x0"} if "trainee" in audiences else set()
    found = words.search("同样的话", audiences, 99)
    assert {id_ for id_, _ in found} == wanted
    # BM25 counts words over all passages, whoever asks.
    assert len({round(score, 9) for _, score in found}) == 1


HOSTILE = [
    '"', '""', "'", "';--", "NEAR(a b)", "预算 AND 退款", "NOT 预算", "body:预算", "预算*", "^预算",
    "(((", ")", "{title body}: 预算", "-预算", "预算 OR", "a\x00b", "\ud800", "+", "%", "_", "a" * 9999,
    "预算" * 5000, "audience:operator 退款", "\\", "“预算”", '"预算" "退款"',
]  # fmt: skip


@pytest.mark.parametrize("question", HOSTILE)
def test_operators_and_quotes_mean_nothing(shared_words: Lexical, question: str) -> None:
    hits = [id_ for id_, _ in shared_words.search(question, ("member",), 10)]
    assert "refund" not in hits
    if "预算" in question:
        assert "budget" in hits


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_searched(shared_words: Lexical, question: str) -> None:
    for id_, score in shared_words.search(question, ("member",), 10):
        assert id_ != "refund"
        assert score >= 0


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_what_was_put_in_is_found_by_its_own_words(shared_words: Lexical, text: str) -> None:
    shared_words.put([indexed(passage("own", text))])
    tokens = segment.words(text)
    # A token of signs alone (`_`) is a word to the segmenter and none to FTS5.
    if any(each.isalnum() for each in tokens):
        assert "own" in [id_ for id_, _ in shared_words.search(text, ("member",), 10)]
    shared_words.drop(["own"])
    assert "own" not in shared_words.held()


def test_putting_again_replaces(words: Lexical) -> None:
    words.put([indexed(passage("welcome", "改成说明退群流程。"))])
    assert found(words, "欢迎语") == []
    assert found(words, "退群流程") == ["welcome"]
    assert len(words.held()) == len(PASSAGES)


def test_dropped_passages_are_gone(words: Lexical) -> None:
    words.drop(["budget", "never there"])
    assert found(words, "茶点") == []
    assert "budget" not in words.held()


def test_an_audience_change_hides_at_once(words: Lexical) -> None:
    words.put([indexed(passage("welcome", PASSAGES[0].text, audience="operator"))])
    assert words.search("群规", ("member",), 10) == []
    assert [id_ for id_, _ in words.search("群规", ("operator",), 10)] == ["welcome"]


def test_held_gives_the_digests(words: Lexical) -> None:
    assert words.held() == {each.id: digest_of(each) for each in PASSAGES}


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    with closing(Lexical(path)) as first:
        fill(first)
        first.set_mark("words", "g1")
        first.note_vectors("member-1", {"welcome": "d1"})
    with closing(Lexical(path)) as second:
        assert len(second.held()) == len(PASSAGES)
        assert second.mark("words") == "g1"
        assert second.mark("none") == ""
        assert second.ledger() == {"member-1": {"welcome": "d1"}}


def test_the_ledger_is_kept_by_collection_and_id(words: Lexical) -> None:
    words.set_mark("vectors", "g")
    words.note_vectors("m", {"a": "1", "b": "2"})
    words.note_vectors("o", {"a": "3"})
    words.note_vectors("n", {"a": "4"})
    words.note_vectors("m", {"a": "5"})
    words.strike_vectors("m", ["b", "none"])
    assert words.ledger() == {"m": {"a": "5"}, "n": {"a": "4"}, "o": {"a": "3"}}
    words.strike_others(["m", "o"])
    assert words.sizes() == {"m": 1, "o": 1}
    words.clear_vectors()
    assert words.ledger() == words.sizes() == {}
    assert words.mark("vectors") == ""


@pytest.mark.parametrize("damage", ["deleted", "garbage", "truncated", "middle", "other form"])
def test_a_damaged_file_is_built_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "words.db"
    with closing(Lexical(path)) as words:
        words.put(indexed(passage(f"p{n}", f"第{n}段说说活动。")) for n in range(400))
        words.set_mark("words", "g1")
    size = path.stat().st_size
    if damage == "deleted":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"\x8a" * size)
    elif damage == "truncated":
        os.truncate(path, size // 2)
    elif damage == "middle":
        with path.open("r+b") as file:
            file.seek(4096 * 6)
            file.write(b"\x8a" * 4096 * 4)
    else:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE marks SET value = 'old' WHERE name = 'form'")
    with closing(Lexical(path)) as words:
        assert (words.held(), words.mark("words"), words.ledger()) == ({}, "", {})
        assert fill(words).search("群规", ("member",), 1)[0][0] == "welcome"


def test_damage_met_later_is_named_and_can_be_mended(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    with closing(Lexical(path)) as words:
        words.put(indexed(passage(f"p{n}", f"第{n}段说说活动。")) for n in range(400))
    with closing(Lexical(path)) as words:
        words.close()  # so that nothing of the file is in memory
        with path.open("r+b") as file:
            file.seek(4096 * 2)
            file.write(b"\x8a" * (path.stat().st_size - 4096 * 3))
        with pytest.raises(IndexDamaged, match="words"):
            words.search("活动", ("member",), 5)
        words.rebuild()
        assert fill(words).search("群规", ("member",), 1)[0][0] == "welcome"


def test_threads_that_come_and_go_leave_no_connections(words: Lexical) -> None:
    """A server's worker threads die when idle: what each held open would add up."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(30):
        thread = threading.Thread(target=words.search, args=("预算", AUDIENCES, 5))
        thread.start()
        thread.join()
    assert len(os.listdir("/proc/self/fd")) <= before + 3


def test_readers_go_on_while_another_thread_writes(words: Lexical) -> None:
    errors: list[Exception] = []
    stop = threading.Event()

    def write() -> None:
        try:
            for n in range(60):
                words.put([indexed(passage(f"w{n}", f"新写的第{n}段"))])
        except Exception as error:
            errors.append(error)
        finally:
            stop.set()

    def read() -> None:
        try:
            while not stop.is_set():
                assert "budget" in found(words, "预算")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write), *(threading.Thread(target=read) for _ in range(3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(words.held()) == len(PASSAGES) + 60
