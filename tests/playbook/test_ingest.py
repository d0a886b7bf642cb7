"""Ingest: only what changed is done again, and one bad file stops nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from copilot import store
from copilot.models import embedder
from copilot.models.embedder import Embedder
from copilot.playbook.evidence import AUDIENCES, VISIBLE, Audience
from copilot.playbook.ingest import FileReport, ingest, re_embed
from copilot.playbook.read import Limits
from copilot.playbook.records import Records
from tests.conftest import DOCUMENTS, NOW, SECRET, write_documents


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with closing(store.connect(url, backups=tmp_path, now=NOW)) as opened:
        yield Records(opened)


@pytest.fixture(scope="session")
def toy(toy_embedder: Path) -> Embedder:
    return embedder.load(str(toy_embedder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_documents(tmp_path / "docs", DOCUMENTS)


class Ingester:
    """Ingests a folder and remembers who was asked to embed what."""

    def __init__(self, records: Records, model: Embedder) -> None:
        self.records = records
        self.texts: list[str] = []

        def encode(texts: list[str]) -> np.ndarray:
            self.texts += texts
            return model.encode(texts)

        self.embedder = Embedder(encode, model.dimensions, model.name)

    def __call__(self, root: Path, audience: Audience = "member") -> dict[str, FileReport]:
        self.texts.clear()
        reports = ingest(root, audience, self.records, self.embedder, limits=Limits(), workers=1)
        assert len({report.source for report in reports}) == len(reports)
        return {report.source: report for report in reports}


@pytest.fixture
def run(records: Records, toy: Embedder) -> Ingester:
    return Ingester(records, toy)


def statuses(reports: dict[str, FileReport]) -> dict[str, str]:
    return {source: report.status for source, report in reports.items()}


def texts(records: Records, audience: Audience = "operator") -> str:
    found = records.passages(list(records.digests()), VISIBLE[audience])
    return "\n".join(passage.text for passage in found.values())


def test_every_file_is_read_and_reported(run: Ingester, folder: Path) -> None:
    reports = run(folder)
    assert statuses(reports) == dict.fromkeys(DOCUMENTS, "read")
    assert sum(report.passages for report in reports.values()) == run.records.count()
    assert sum(report.embedded for report in reports.values()) == len(run.texts)
    assert reports["welcome.md"].title == "新人欢迎手册"
    assert set(reports["welcome.md"].cleaning) == {"repaired", "dropped", "suspicious", "missing"}


def test_a_second_run_embeds_nothing(run: Ingester, folder: Path) -> None:
    run(folder)
    before = run.records.digests(), run.records.generation()
    assert statuses(run(folder)) == dict.fromkeys(DOCUMENTS, "unchanged")
    assert run.texts == []
    assert (run.records.digests(), run.records.generation()) == before


def test_touching_a_file_changes_nothing(run: Ingester, folder: Path) -> None:
    run(folder)
    os.utime(folder / "welcome.md", (1, 1))
    assert statuses(run(folder))["welcome.md"] == "unchanged"


def test_an_edited_section_embeds_only_itself(run: Ingester, folder: Path) -> None:
    run(folder)
    file = folder / "活动" / "线下读书会.md"
    file.write_text(file.read_text("utf-8").replace("每人收60元", "每人收80元"), "utf-8")
    reports = run(folder)
    assert statuses(reports).pop("活动/线下读书会.md") == "read"
    assert len(run.texts) == reports["活动/线下读书会.md"].embedded == 1
    assert "80元" in run.texts[0]
    assert "80元" in texts(run.records)
    assert "60元" not in texts(run.records)


def test_a_changed_ask_embeds_only_itself(run: Ingester, folder: Path) -> None:
    run(folder)
    file = folder / "内部" / "refund.md"
    file.write_text(file.read_text("utf-8").replace("退款找谁批", "退款谁说了算"), "utf-8")
    report = run(folder)["内部/refund.md"]
    assert run.texts == ["退款谁说了算"]
    assert report.embedded == 1
    assert run.records.embeddings.missing(run.embedder.name) == []


def test_a_section_inserted_above_embeds_only_itself(run: Ingester, folder: Path) -> None:
    run(folder)
    before = run.records.digests()
    file = folder / "welcome.md"
    text = file.read_text("utf-8").replace("## 第一天", "## 进群之前\n\n先加管理员。\n\n## 第一天")
    file.write_text(text, "utf-8")
    run(folder)
    assert len(run.texts) == 1
    after = run.records.digests()
    assert {id_: after[id_] for id_ in before} == before


def test_a_deleted_file_disappears(run: Ingester, folder: Path) -> None:
    run(folder)
    (folder / "retention.md").unlink()
    reports = run(folder)
    assert statuses(reports)["retention.md"] == "removed"
    assert "积分制度" not in texts(run.records)
    assert "retention.md" not in run.records.known(str(folder))


def test_a_renamed_file_moves(run: Ingester, folder: Path) -> None:
    run(folder)
    before = run.records.count()
    (folder / "retention.md").rename(folder / "留存.md")
    reports = run(folder)
    assert run.texts == []
    assert statuses(reports)["retention.md"] == "removed"
    assert statuses(reports)["留存.md"] == "read"
    assert run.records.count() == before


def test_a_file_that_cannot_be_read_any_more_keeps_what_it_had(run: Ingester, folder: Path) -> None:
    run(folder)
    (folder / "retention.md").write_bytes(b"\x00\x01\x02\xff" * 4000)
    report = run(folder)["retention.md"]
    assert report.status == "failed"
    assert report.reason
    assert "积分制度" in texts(run.records)


def test_an_emptied_file_keeps_nothing(run: Ingester, folder: Path) -> None:
    run(folder)
    (folder / "retention.md").write_text("")
    (folder / "welcome.md").write_text(" \n\n")
    reports = statuses(run(folder))
    assert (reports["retention.md"], reports["welcome.md"]) == ("skipped", "skipped")
    assert "积分制度" not in texts(run.records)
    assert "欢迎语" not in texts(run.records)
    assert statuses(run(folder)) == reports


def test_one_bad_file_stops_nothing(run: Ingester, folder: Path) -> None:
    (folder / "a-binary.txt").write_bytes(bytes(range(256)) * 50)
    (folder / "b-broken.pdf").write_bytes(b"%PDF-1.7\nbroken")
    (folder / "c-broken.docx").write_bytes(b"PK\x03\x04 not a zip")
    (folder / "d.unknown").write_text("x")
    reports = run(folder)
    for source in ("a-binary.txt", "b-broken.pdf", "c-broken.docx"):
        assert reports[source].status == "failed"
        assert reports[source].reason
    assert reports["d.unknown"].status == "skipped"
    assert "欢迎语" in texts(run.records)


def test_strange_file_names_are_read_once(run: Ingester, folder: Path) -> None:
    os.rename(os.fsencode(folder / "welcome.md"), os.fsencode(folder) + b"/\xd6\xd0\xce\xc4.md")
    (folder / "retention.md").rename(folder / "a b 'c\" [x] \N{SMILING FACE WITH OPEN MOUTH}.md")
    first = run(folder)
    assert set(statuses(first).values()) == {"read"}
    assert set(statuses(run(folder)).values()) == {"unchanged"}
    assert run.records.count() == sum(report.passages for report in first.values())


# Audiences ---------------------------------------------------------------------------------------


def test_front_matter_outranks_the_default(run: Ingester, folder: Path) -> None:
    for audience in AUDIENCES:
        run(folder, audience)
        seen = texts(run.records, "member")
        assert SECRET not in seen
        assert ("积分制度" in seen, "欢迎语" in seen) == (True, audience == "member")
    run(folder, "member")
    assert "欢迎语" in texts(run.records, "member")


def test_new_front_matter_hides_a_file(run: Ingester, folder: Path) -> None:
    run(folder)
    file = folder / "welcome.md"
    file.write_text("---\naudience: operator\n---\n" + file.read_text("utf-8"), "utf-8")
    run(folder)
    assert "欢迎语" not in texts(run.records, "member")
    assert "欢迎语" in texts(run.records)


def test_front_matter_that_names_nobody_hides_and_is_reported(run: Ingester, folder: Path) -> None:
    file = folder / "welcome.md"
    file.write_text("---\naudience: 内部\n---\n" + file.read_text("utf-8"), "utf-8")
    report = run(folder)["welcome.md"]
    assert "'内部'" in report.reason
    assert "欢迎语" not in texts(run.records, "member")


def test_an_unreadable_file_is_not_kept_for_another_audience(run: Ingester, folder: Path) -> None:
    run(folder, "member")
    (folder / "welcome.md").write_bytes(b"\x00\x01\x02\xff" * 4000)
    run(folder, "operator")
    assert "欢迎语" not in texts(run.records, "member")


# Zips --------------------------------------------------------------------------------------------


def test_members_of_a_zip_come_and_go(run: Ingester, folder: Path) -> None:
    import zipfile

    def pack(*names: str) -> None:
        with zipfile.ZipFile(folder / "pack.zip", "w") as made:
            for name in names:
                made.writestr(name, f"# {name}\n\n这里说{name}的做法。\n")

    pack("one.md", "two.md")
    assert statuses(run(folder))["pack.zip!/two.md"] == "read"
    pack("one.md")
    reports = statuses(run(folder))
    assert (reports["pack.zip!/one.md"], reports["pack.zip!/two.md"]) == ("unchanged", "removed")
    (folder / "pack.zip").write_bytes(b"PK\x03\x04 broken")
    run(folder)
    assert "one.md的做法" in texts(run.records)
    (folder / "pack.zip").unlink()
    assert statuses(run(folder))["pack.zip!/one.md"] == "removed"
    assert "one.md的做法" not in texts(run.records)


def test_a_broken_zip_keeps_its_members_after_a_new_default_too(
    run: Ingester, folder: Path
) -> None:
    """Members of a zip that cannot be opened are not reported as gone."""
    import zipfile

    with zipfile.ZipFile(folder / "pack.zip", "w") as made:
        made.writestr("one.md", "---\naudience: member\n---\n# 一\n\n这里说做法。\n")
    run(folder, "member")
    (folder / "pack.zip").write_bytes(b"PK\x03\x04 broken")
    assert statuses(run(folder, "operator"))["pack.zip!/one.md"] == "failed"


# Embedders ---------------------------------------------------------------------------------------


def test_what_another_embedder_made_is_embedded_anew(
    run: Ingester, folder: Path, other_embedder: Path
) -> None:
    run(folder)
    other = embedder.load(str(other_embedder))
    behind = run.records.embeddings.missing(other.name)
    assert len(behind) == run.records.count() + 2  # the asks of one document
    told: list[tuple[int, int, str]] = []
    assert re_embed(run.records, other, lambda *each: told.append(each)) == len(behind)
    assert told[-1] == (len(behind), len(behind), "embedding")
    assert re_embed(run.records, other) == 0
    for each in run.records.embeddings.vectors(behind, other.name).values():
        assert each.shape == (other.dimensions,)
        assert float(np.linalg.norm(each)) == pytest.approx(1.0, abs=1e-5)


def test_nothing_of_another_embedder_is_kept_for_an_edited_file(
    run: Ingester, folder: Path, other_embedder: Path
) -> None:
    run(folder)
    later = Ingester(run.records, embedder.load(str(other_embedder)))
    (folder / "welcome.md").write_text(DOCUMENTS["welcome.md"] + "\n再补一句。\n", "utf-8")
    report = later(folder)["welcome.md"]
    assert report.embedded == report.passages
