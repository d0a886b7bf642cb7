"""The index: in step with the records, and whole again after any damage."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from copilot import store
from copilot.models.embedder import Embedder
from copilot.playbook.evidence import AUDIENCES, VISIBLE, Audience
from copilot.playbook.index import Index
from copilot.playbook.records import Records
from copilot.playbook.vectors import names_of
from tests.conftest import NOW, wait_until
from tests.playbook.passages_made import (
    DIMENSIONS,
    EMBEDDER,
    Made,
    agrees,
    passage,
    save,
    vector,
)

FEW = [
    passage("p1", "先发欢迎语，说明群规。"),
    passage("p2", "读书会预算一千五百元。", position=1),
    passage("p3", "退款由主管审批。", audience="operator", position=2),
    passage("p4", "上岗第一周只旁听。", audience="trainee", position=3),
]

NAMES = names_of(EMBEDDER, DIMENSIONS)

# Chroma writes a segment's files with the thousandth vector.
MANY = [passage(f"m{n}", f"第{n}条说说活动怎么办。", position=n) for n in range(1100)]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with closing(store.connect(url, backups=tmp_path, now=NOW)) as opened:
        yield Records(opened)


def open_index(tmp_path: Path, records: Records, embedder: Embedder | None = None) -> Index:
    index = Index(tmp_path / "index", records, embedder or Made())
    index.wait()
    return index


def test_an_empty_playbook_has_an_empty_index(tmp_path: Path, records: Records) -> None:
    with closing(open_index(tmp_path, records)) as index:
        assert index.search_words("欢迎", AUDIENCES, 5) == []
        assert index.search_vectors(vector("x"), AUDIENCES, 5) == []
        assert index.health().vectors == "empty"
        assert index.check()


def test_it_follows_the_records(tmp_path: Path, records: Records) -> None:
    with closing(open_index(tmp_path, records)) as index:
        save(records, FEW)
        index.sync()
        assert index.search_words("群规", AUDIENCES, 5)[0][0] == "p1"
        assert index.search_vectors(vector(FEW[1].text), AUDIENCES, 5)[0][0] == "p2"
        assert (index.health().passages, index.health().words, index.health().vectors) == (
            4,
            4,
            "ok",
        )
        save(records, [passage("p1", "改成退群流程。"), passage("p9", "新来的一段。")])
        index.sync()
        assert [id_ for id_, _ in index.search_words("群规", AUDIENCES, 5)] == []
        assert index.search_words("退群流程", AUDIENCES, 5)[0][0] == "p1"
        records.remove_root("/root")
        index.sync()
        assert index.search_vectors(vector(FEW[1].text), AUDIENCES, 5) == []
    agrees(tmp_path / "index", records)


def test_what_changed_while_it_was_closed_is_caught_up(tmp_path: Path, records: Records) -> None:
    save(records, FEW)
    open_index(tmp_path, records).close()
    agrees(tmp_path / "index", records)
    save(records, [*FEW[:2], passage("p8", "补充的一段。", position=2)])
    open_index(tmp_path, records).close()
    agrees(tmp_path / "index", records)


def test_an_audience_change_moves_between_collections(tmp_path: Path, records: Records) -> None:
    save(records, FEW)
    with closing(open_index(tmp_path, records)) as index:
        moved = [passage("p1", FEW[0].text, audience="operator"), *FEW[1:]]
        save(records, moved)
        index.sync()
        assert index.search_words("群规", VISIBLE["member"], 5) == []
        found = index.search_vectors(vector(FEW[0].text), VISIBLE["member"], 5)
        assert "p1" not in {id_ for id_, _ in found}
        assert index.search_vectors(vector(FEW[0].text), ("operator",), 1)[0][0] == "p1"
    agrees(tmp_path / "index", records)


# Asks --------------------------------------------------------------------------------------------

ASKED = [
    passage("a1", "先退订金。", asks=("钱能退吗", "退款找谁")),
    passage("a2", "再登记。", position=1, asks=("钱能退吗", "退款找谁")),
    passage("a3", "内部口令。", audience="operator", position=2, asks=("退款找谁",)),
]


def near(index: Index, ask: str, audience: Audience = "operator") -> list[tuple[str, float, str]]:
    return [row for row in index.search_asks(vector(ask), VISIBLE[audience], 9) if row[1] > 0.99]


def test_passages_are_found_by_their_asks(tmp_path: Path, records: Records) -> None:
    made = Made()
    save(records, ASKED)
    with closing(open_index(tmp_path, records, made)) as index:
        index.sync()
        assert sorted(made.texts) == ["退款找谁", "钱能退吗"]
        rows = index.search_asks(vector("退款找谁"), AUDIENCES, 9)
        assert [(id_, text) for id_, _, text in rows] == [(f"a{n}", "退款找谁") for n in (1, 2, 3)]
        assert rows[0][1] == pytest.approx(1.0, abs=1e-5)
        assert [row[0] for row in near(index, "退款找谁", "member")] == ["a1", "a2"]
        assert len(index.search_asks(vector("退款找谁"), AUDIENCES, 2)) == 2
        # Passages are searched apart from asks.
        assert index.search_vectors(vector("退款找谁"), AUDIENCES, 1)[0][1] < 0.99
    agrees(tmp_path / "index", records)


def test_a_changed_ask_embeds_and_stores_only_itself(tmp_path: Path, records: Records) -> None:
    made = Made()
    save(records, ASKED)
    with closing(open_index(tmp_path, records, made)) as index:
        index.sync()
        made.texts.clear()
        save(records, [replace(ASKED[0], asks=("钱能退吗", "押金呢")), *ASKED[1:]])
        index.sync()
        assert made.texts == ["押金呢"]
        assert [row[0] for row in near(index, "押金呢")] == ["a1"]
        assert [row[0] for row in near(index, "退款找谁")] == ["a2", "a3"]
        records.add_asks("a3", ["口令是啥"], "model")
        index.sync()
        assert made.texts == ["押金呢", "口令是啥"]
        assert near(index, "口令是啥", "member") == []
        assert [row[0] for row in near(index, "口令是啥")] == ["a3"]
        assert index.search_words("口令是啥", VISIBLE["operator"], 1)[0][0] == "a3"
        records.remove_ask("a3", "口令是啥")
        index.sync()
        assert near(index, "口令是啥") == []
    agrees(tmp_path / "index", records)


def test_asks_added_while_nobody_looked_are_found_after_opening(
    tmp_path: Path, records: Records
) -> None:
    """As `copilot index --expand` may be killed before the index follows."""
    save(records, ASKED)
    with closing(open_index(tmp_path, records)) as index:
        index.sync()
    records.add_asks("a2", ["登记在哪"], "model")
    made = Made()
    with closing(open_index(tmp_path, records, made)) as index:
        wait_until(lambda: [row[0] for row in near(index, "登记在哪")] == ["a2"])
        assert made.texts == ["登记在哪"]
        assert index.search_words("登记在哪", VISIBLE["member"], 1)[0][0] == "a2"
    agrees(tmp_path / "index", records)


def test_lost_asks_are_noticed_and_stored_again(tmp_path: Path, records: Records) -> None:
    save(records, ASKED)
    with closing(open_index(tmp_path, records)) as index:
        index.sync()
        assert index._vectors is not None
        index._vectors.drop(
            NAMES["asks", "operator"], list(index._words.ledger()[NAMES["asks", "operator"]])
        )
        assert not index.check()
        index.wait()
        assert index.check()
        assert [row[0] for row in near(index, "退款找谁")] == ["a1", "a2", "a3"]
    agrees(tmp_path / "index", records)


# Damage ------------------------------------------------------------------------------------------


def segments(folder: Path) -> list[Path]:
    files = (folder / "chroma").rglob("data_level0.bin")
    return [file.parent for file in files if file.stat().st_size > 100_000]


def flip(folder: Path) -> None:
    for found in segments(folder):
        content = bytearray((found / "data_level0.bin").read_bytes())
        for place in range(0, len(content), 997):
            content[place] ^= 0x55
        (found / "data_level0.bin").write_bytes(content)


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def forget(folder: Path) -> None:
    """Lose the ledger's rows, as an old copy of the file would."""
    with closing(sqlite3.connect(folder / "words.db")) as words, words:
        words.execute("DELETE FROM vectors")
        words.execute("DELETE FROM marks WHERE name = 'vectors'")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "segment folder deleted": lambda folder: [shutil.rmtree(each) for each in segments(folder)],
    "vectors flipped": flip,
    "chroma.sqlite3 truncated": lambda folder: half(folder / "chroma" / "chroma.sqlite3"),
    "chroma.sqlite3 deleted": lambda folder: (folder / "chroma" / "chroma.sqlite3").unlink(),
    "chroma deleted": lambda folder: shutil.rmtree(folder / "chroma"),
    "words.db deleted": lambda folder: (folder / "words.db").unlink(),
    "words.db truncated": lambda folder: half(folder / "words.db"),
    "ledger lost": forget,
    "everything deleted": shutil.rmtree,
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records with many passages and an index in step; not to be touched."""
    home = tmp_path_factory.mktemp("sound")
    url = f"sqlite:///{home / 'records.db'}"
    with closing(store.connect(url, backups=home, now=NOW)) as opened:
        records = Records(opened)
        save(records, MANY)
        save(records, FEW, source="few.md")
        open_index(home, records).close()
        agrees(home / "index", records)
    return home


@pytest.fixture
def home(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_mended_while_words_answer(home: Path, damage: str) -> None:
    DAMAGES[damage](home / "index")
    with closing(store.connect(f"sqlite:///{home}/records.db", backups=home, now=NOW)) as opened:
        records = Records(opened)
        index = Index(home / "index", records, Made())
        with closing(index):
            # At once, whatever the vectors are at.
            assert index.search_words("欢迎语", VISIBLE["member"], 5)[0][0] == "p1"
            index.wait()
            assert (index.health().vectors, index.health().damage) == ("ok", "")
            assert index.check()
            wanted = vector(MANY[700].text)
            assert index.search_vectors(wanted, VISIBLE["member"], 1)[0][0] == "m700"
        agrees(home / "index", records)


def test_nothing_is_rebuilt_without_need(home: Path) -> None:
    before = segments(home / "index")[0].stat().st_ino
    with closing(store.connect(f"sqlite:///{home}/records.db", backups=home, now=NOW)) as opened:
        open_index(home, Records(opened)).close()
    assert segments(home / "index")[0].stat().st_ino == before


def test_passages_deleted_while_the_words_were_lost_leave_no_vectors(home: Path) -> None:
    """Without the ledger nobody knows which vectors to drop: they are stored anew."""
    (home / "index" / "words.db").unlink()
    with closing(store.connect(f"sqlite:///{home}/records.db", backups=home, now=NOW)) as opened:
        records = Records(opened)
        records.drop_documents("/root", ["few.md"])
        open_index(home, records).close()
        agrees(home / "index", records)


def test_damage_met_while_serving_is_mended(home: Path) -> None:
    with closing(store.connect(f"sqlite:///{home}/records.db", backups=home, now=NOW)) as opened:
        records = Records(opened)
        with closing(open_index(home, records)) as index:
            vectors = index._vectors
            assert vectors is not None
            vectors.drop(NAMES["passages", "member"], [f"m{n}" for n in range(600)])
            assert not index.check()
            index.wait()
            assert index.check()
        agrees(home / "index", records)


def test_words_damaged_while_serving_are_mended_at_once(home: Path) -> None:
    with closing(store.connect(f"sqlite:///{home}/records.db", backups=home, now=NOW)) as opened:
        records = Records(opened)
        with closing(open_index(home, records)) as index:
            index._words.close()  # so that nothing of the file is in memory
            with (home / "index" / "words.db").open("r+b") as file:
                file.seek(4096)
                file.write(b"\x8a" * 4096 * 40)
            results: list[str] = []
            threads = [
                threading.Thread(
                    target=lambda: results.append(
                        index.search_words("欢迎语", VISIBLE["member"], 5)[0][0]
                    )
                )
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert results == ["p1"] * 4
            index.wait()
            assert index.health().vectors == "ok"
        agrees(home / "index", records)


def test_searching_never_fails_while_rebuilds_go_on(home: Path) -> None:
    """Rebuilding closes Chroma under way: no search may be in it by then."""
    errors: list[BaseException] = []
    counts: list[int] = []
    stop = threading.Event()

    def search(index: Index) -> None:
        wanted = vector(MANY[3].text)
        try:
            while not stop.is_set():
                counts.append(len(index.search_vectors(wanted, VISIBLE["member"], 3)))
                assert index.search_words("活动", VISIBLE["member"], 3)
        except BaseException as error:
            errors.append(error)

    with closing(store.connect(f"sqlite:///{home}/records.db", backups=home, now=NOW)) as opened:
        with closing(open_index(home, Records(opened))) as index:
            threads = [threading.Thread(target=search, args=(index,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for _ in range(4):
                time.sleep(0.1)
                index._rebuild("for the test.")
                index.wait()
            stop.set()
            for thread in threads:
                thread.join()
            assert index.health().vectors == "ok"
    assert errors == []
    # NumPy answers while Chroma cannot.
    assert set(counts) == {3}


def test_a_rebuild_that_fails_is_told_and_tried_again(home: Path) -> None:
    with closing(store.connect(f"sqlite:///{home}/records.db", backups=home, now=NOW)) as opened:
        records = Records(opened)
        chroma = home / "index" / "chroma"
        shutil.rmtree(chroma)
        chroma.write_text("a file stands where the folder should")
        with closing(open_index(home, records)) as index:
            assert index.health().vectors == "damaged"
            assert "rebuilding failed" in index.health().damage
            assert index.search_words("欢迎语", VISIBLE["member"], 5)[0][0] == "p1"
            # Straight from the records meanwhile.
            wanted = vector(MANY[700].text)
            assert index.search_vectors(wanted, VISIBLE["member"], 1)[0][0] == "m700"
            assert not index.check()
            index.wait()
            chroma.unlink()
            assert not index.check()
            index.wait()
            assert index.check()
            assert index.health().vectors == "ok"
        agrees(home / "index", records)


def test_a_closed_index_is_left_alone(home: Path) -> None:
    """The canary's thread may come late, when the home is another process's already."""
    with closing(store.connect(f"sqlite:///{home}/records.db", backups=home, now=NOW)) as opened:
        index = open_index(home, Records(opened))
        index.close()
        before = segments(home / "index")[0].stat().st_ino
        assert not index.check()
        index.wait()
        assert segments(home / "index")[0].stat().st_ino == before


def test_new_records_reach_a_rebuilt_index(home: Path) -> None:
    shutil.rmtree(home / "index" / "chroma")
    with closing(store.connect(f"sqlite:///{home}/records.db", backups=home, now=NOW)) as opened:
        records = Records(opened)
        with closing(Index(home / "index", records, Made())) as index:
            save(records, [passage("n1", "重建时新来的一段。")], source="new.md")
            index.sync()
            assert index.search_vectors(vector("重建时新来的一段。"), ("member",), 1)[0][0] == "n1"
        agrees(home / "index", records)
