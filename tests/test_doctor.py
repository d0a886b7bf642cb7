"""The doctor: each thing that can be wrong is named, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.doctor import Finding, examine
from copilot.models.scripted import Reply, ScriptedEndpoint, in_turn
from tests.conftest import Opener, settings_for


def findings(home: Path, **given: object) -> dict[str, Finding]:
    found = examine(settings_for(home, **given))
    assert len({each.name for each in found}) == len(found)
    assert all(each.ok or each.remedy for each in found)
    return {each.name: each for each in found}


def test_a_working_model_is_found_well(tmp_path: Path, toy_embedder: Path) -> None:
    with ScriptedEndpoint(in_turn(Reply("pong"))) as endpoint:
        found = findings(
            tmp_path,
            embedder=str(toy_embedder),
            model="openai:any",
            model_base_url=endpoint.url,
            model_api_key="sk-test",
        )
    assert found["model"].ok
    assert "openai:any" in found["model"].found
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_model_that_does_not_answer_is_named(
    tmp_path: Path, toy_embedder: Path, status: int
) -> None:
    with ScriptedEndpoint(in_turn(Reply(status=status))) as endpoint:
        found = findings(
            tmp_path,
            embedder=str(toy_embedder),
            model="openai:any",
            model_base_url=endpoint.url,
            model_api_key="sk-secret",
        )
    assert not found["model"].ok
    assert "COPILOT_MODEL" in found["model"].remedy
    assert "sk-secret" not in f"{found['model']}"


def test_a_provider_that_is_not_there_is_named(tmp_path: Path, toy_embedder: Path) -> None:
    found = findings(tmp_path, embedder=str(toy_embedder), model="nobody:x")
    assert not found["model"].ok
    assert not found["opening"].ok


def test_an_embedder_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = findings(tmp_path, embedder=str(tmp_path / "nowhere"))
    assert not found["opening"].ok
    assert "COPILOT_EMBEDDER" in found["opening"].remedy


def test_a_home_in_use_is_named(tmp_path: Path, toy_embedder: Path, open_copilot: Opener) -> None:
    open_copilot(home=tmp_path / "home", embedder=str(toy_embedder))
    found = findings(tmp_path / "home", embedder=str(toy_embedder))
    assert not found["lock"].ok


def test_a_home_that_is_not_there_yet_is_made(tmp_path: Path, toy_embedder: Path) -> None:
    found = findings(tmp_path / "a" / "b", embedder=str(toy_embedder))
    assert [name for name, each in found.items() if not each.ok] == ["playbook"]
    assert "copilot index" in found["playbook"].remedy


def test_damaged_records_are_named(tmp_path: Path, toy_embedder: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"\x8a" * 9000)
    found = findings(tmp_path, embedder=str(toy_embedder))
    assert not found["opening"].ok
    assert "backups" in found["opening"].remedy
