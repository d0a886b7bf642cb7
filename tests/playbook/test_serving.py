"""Serving: the old embedder's vectors until the new one's are whole, whatever comes between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from copilot import store
from copilot.app import folder as shipped
from copilot.errors import EmbedderError
from copilot.language import segment
from copilot.models import embedder
from copilot.models.embedder import Embedder
from copilot.playbook.embeddings import Known
from copilot.playbook.evidence import AUDIENCES
from copilot.playbook.index import Index
from copilot.playbook.records import Records
from copilot.settings import environment
from tests.conftest import DOCUMENTS, NOW, wait_until, write_documents
from tests.playbook.passages_made import (
    DIMENSIONS,
    EMBEDDER,
    Made,
    agrees,
    passage,
    save,
    vector,
)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with closing(store.connect(url, backups=tmp_path, now=NOW)) as opened:
        yield Records(opened)


class Slow(Made):
    """Embeds a first batch, then waits until it may go on."""

    def __init__(self, name: str, dimensions: int) -> None:
        super().__init__(name, dimensions)
        self.begun, self.go = threading.Event(), threading.Event()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As made, but the second batch waits."""
        if self.texts:
            self.begun.set()
            assert self.go.wait(20)
        return super().encode(texts)


OLD = Made()
SOME = [passage(f"s{n}", f"第{n}件事怎么办。", position=n, asks=("咋办",)) for n in range(130)]


def switching(
    tmp_path: Path, records: Records, wanted: Made, load: object = lambda _: OLD
) -> Index:
    return Index(tmp_path / "index", records, wanted, reference="new", load=load)


@pytest.fixture
def by_old(tmp_path: Path, records: Records) -> Path:
    """A folder whose index the old embedder made, from 130 passages."""
    save(records, SOME)
    with closing(Index(tmp_path / "index", records, OLD, reference="old")) as index:
        index.sync()
    agrees(tmp_path / "index", records)
    return tmp_path


def found(index: Index, text: str) -> list[str]:
    """The passage nearest to a text, as a search would do it."""
    hits = index.search_vectors(index.embedder.encode([text])[0], AUDIENCES, 1)
    return [id_ for id_, cosine in hits if cosine > 0.99]


@pytest.mark.parametrize("dimensions", [DIMENSIONS, 24])
def test_the_old_embedder_serves_until_the_new_one_is_done(
    by_old: Path, records: Records, dimensions: int
) -> None:
    slow = Slow("new@1", dimensions)
    asked: list[str] = []
    with closing(switching(by_old, records, slow, lambda each: asked.append(each) or OLD)) as index:
        assert slow.begun.wait(20)
        assert asked == ["old"]
        assert index.embedder is OLD
        assert found(index, SOME[41].text) == ["s41"]
        health = index.health()
        assert (health.vectors, health.embedder, health.behind) == ("ok", EMBEDDER, 99)
        slow.go.set()
        wait_until(lambda: index.embedder is slow)
        assert found(index, SOME[41].text) == ["s41"]
        assert [row[0] for row in index.search_asks(slow.encode(["咋办"])[0], AUDIENCES, 1)] == [
            "s0"
        ]
        assert index.search_vectors(vector(SOME[41].text, 17), AUDIENCES, 1) == []
        index._embedder_worker.join()
        health = index.health()
        assert (health.vectors, health.embedder, health.behind) == ("ok", "new@1", 0)
    agrees(by_old / "index", records, "new@1")


def cut_short(index: Index, slow: Slow) -> None:
    """Close the index while the second batch is embedded: no third one is begun."""
    assert slow.begun.wait(20)
    closing_ = threading.Thread(target=index.close)
    closing_.start()
    wait_until(lambda: index._closed)
    slow.go.set()
    closing_.join()


def test_a_switch_that_was_cut_short_goes_on(by_old: Path, records: Records) -> None:
    slow = Slow("new@1", 24)
    cut_short(switching(by_old, records, slow), slow)
    first = len(slow.texts)
    assert records.embeddings.active() == Known(EMBEDDER, "old", DIMENSIONS, True)
    again = Made("new@1", 24)
    with closing(switching(by_old, records, again)) as index:
        index.sync()
        assert index.embedder is again
        assert len(again.texts) == 131 - first == 35
    agrees(by_old / "index", records, "new@1")


def test_going_back_to_the_old_embedder_costs_nothing(by_old: Path, records: Records) -> None:
    slow = Slow("new@1", 24)
    cut_short(switching(by_old, records, slow), slow)
    back = Made()
    with closing(Index(by_old / "index", records, back, reference="old")) as index:
        index.sync()
        assert back.texts == []
        assert found(index, SOME[41].text) == ["s41"]
    agrees(by_old / "index", records)


def test_words_alone_serve_when_the_old_embedder_is_gone(by_old: Path, records: Records) -> None:
    def load(reference: str) -> Embedder:
        raise EmbedderError(f"no folder {reference!r}.")

    slow = Slow("new@1", 24)
    with closing(switching(by_old, records, slow, load)) as index:
        assert slow.begun.wait(20)
        index.wait()
        assert index.embedder is slow
        assert index.search_words("第41件事", AUDIENCES, 1)[0][0] == "s41"
        assert index.search_vectors(vector("x", 24), AUDIENCES, 1) == []
        assert index.search_asks(vector("x", 24), AUDIENCES, 1) == []
        health = index.health()
        assert (health.vectors, health.embedder) == ("rebuilding", "")
        assert "'made@1'" in health.damage
        assert "no folder 'old'" in health.damage
        slow.go.set()
        wait_until(lambda: index.health().embedder == "new@1")
        assert index.health().damage == ""
        assert found(index, SOME[41].text) == ["s41"]
    agrees(by_old / "index", records, "new@1")


def test_a_model_that_fails_leaves_the_old_one_serving(by_old: Path, records: Records) -> None:
    class Broken(Made):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise RuntimeError("CUDA out of memory")

    with closing(switching(by_old, records, Broken("new@1", 24))) as index:
        index._embedder_worker.join()
        assert index.embedder is OLD
        assert found(index, SOME[41].text) == ["s41"]
        assert "CUDA out of memory" in index.health().damage


def test_another_model_at_the_old_place_is_not_taken_for_the_old_one(
    by_old: Path, records: Records
) -> None:
    with closing(switching(by_old, records, Slow("new@1", 24), lambda _: Made("made@2"))) as index:
        assert index.health().embedder == ""
        assert "'made@2'" in index.health().damage
        cast("Slow", index.embedder).go.set()


def test_vectors_of_another_length_under_the_same_name_are_made_anew(
    by_old: Path, records: Records
) -> None:
    changed = Made(dimensions=24)
    with closing(Index(by_old / "index", records, changed, reference="old")) as index:
        assert index.search_words("第41件事", AUDIENCES, 1)[0][0] == "s41"
        index.sync()
        assert len(changed.texts) == 131
        assert found(index, SOME[41].text) == ["s41"]
        assert index.health().vectors == "ok"
    agrees(by_old / "index", records)


def test_an_empty_playbook_switches_at_once(tmp_path: Path, records: Records) -> None:
    Index(tmp_path / "index", records, OLD, reference="old").close()
    with closing(switching(tmp_path, records, Made("new@1", 24))) as index:
        wait_until(lambda: index.health().embedder == "new@1")
        index.wait()
        assert index.health().vectors == "empty"


def test_searches_go_on_while_the_embedder_changes(by_old: Path, records: Records) -> None:
    errors: list[BaseException] = []
    counts: list[int] = []
    stop = threading.Event()

    def search(index: Index) -> None:
        try:
            while not stop.is_set():
                model = index.embedder
                hits = index.search_vectors(model.encode([SOME[7].text])[0], AUDIENCES, 3)
                counts.append(len(hits))
        except BaseException as error:
            errors.append(error)

    with closing(switching(by_old, records, Made("new@1", 24))) as index:
        threads = [threading.Thread(target=search, args=(index,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_until(lambda: index.embedder is not OLD)
        before = len(counts)
        wait_until(lambda: len(counts) > before + 50)
        stop.set()
        for thread in threads:
            thread.join()
        assert index.health().damage == ""
    assert errors == []
    # One search at most for each thread falls between two embedders.
    assert counts.count(0) <= 3
    assert set(counts) <= {0, 3}


# Killed at any moment ----------------------------------------------------------------------------

KILLS = 16

# Imports once, then opens copilots in forks that are killed while they change the embedder; now and
# then one goes back to the first, or gets to the end.
FORKS = """
import json, os, random, signal, sys, time
from pathlib import Path
import chromadb, copilot.app, copilot.cli.main, copilot.playbook.ingest
from copilot.playbook import ingest

folder, first, second, kills = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
chance = random.Random(20261124)
ingest._LARGEST = 4  # many batches
ingest._FIRST = 2

def run(embedder):
    pid = os.fork()
    if pid == 0:
        os.environ["COPILOT_EMBEDDER"] = embedder
        sys.argv = ["copilot", "index", folder, "--json"]
        sys.stdout = sys.stderr = open(os.devnull, "w")
        try:
            copilot.cli.main.main()
        except SystemExit as end:
            os._exit(end.code or 0)
        os._exit(0)
    return pid

started = time.monotonic()
assert os.waitpid(run(first), 0)[1] == 0
whole = time.monotonic() - started
statuses = []
for turn in range(kills):
    pid = run(chance.choice([first, second, second]))
    time.sleep(chance.uniform(0, whole))
    os.kill(pid, signal.SIGKILL)
    statuses.append(os.waitpid(pid, 0)[1])
print(json.dumps(statuses))
"""


def test_killed_while_it_changes_it_ends_whole(
    tmp_path: Path, toy_embedder: Path, other_embedder: Path
) -> None:
    home, folder = tmp_path / "home", write_documents(tmp_path / "docs", DOCUMENTS)
    told = environment() | {"COPILOT_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", FORKS, str(folder), str(toy_embedder), str(other_embedder),
         str(KILLS)],
        env=told,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    statuses = json.loads(done.stdout)
    assert [each for each in statuses if os.WIFEXITED(each) and each] == []
    done = subprocess.run(
        [sys.executable, "-c", "from copilot.cli.main import main; main()", "index", "--json"],
        env=told | {"COPILOT_EMBEDDER": str(other_embedder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    name = embedder.load(str(other_embedder)).name
    # As the command did: words cut by other rules would be built anew.
    segment.configure((shipped("knowledge") / "dictionary.txt").read_text("utf-8").splitlines())
    url = f"sqlite:///{home / 'records.db'}"
    with closing(store.connect(url, backups=home, now=NOW)) as opened:
        records = Records(opened)
        assert [each.reference for each in records.embeddings.known()] == [str(other_embedder)]
        assert records.count() > 5
        agrees(home / "index", records, name)
