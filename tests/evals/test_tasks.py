"""The tasks: they run offline, by Inspect's own command, with no model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog, read_eval_log

from evals import table
from tests.conftest import ROOT

LIMIT = 12


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[EvalLog]:
    """Both tasks over our own entries, the first dev questions only: retrieval, answers.

    In a process of its own: Inspect leaves streams unclosed, which are warnings, which are errors.
    """
    folder: Path = tmp_path_factory.mktemp("logs")
    command = [sys.executable, "-m", "inspect_ai", "eval", "evals/retrieval.py", "evals/answers.py"]
    options = ["-T", "corpus=knowledge", "--limit", str(LIMIT), "--model", "none"]
    quiet = ["--display", "none", "--log-dir", str(folder), "--log-format", "json"]
    subprocess.run([*command, *options, *quiet], cwd=ROOT, check=True, timeout=120)
    read = [read_eval_log(str(path)) for path in folder.glob("*.json")]
    return sorted(read, key=lambda log: log.eval.task, reverse=True)


def test_both_tasks_succeed_without_a_model(logs: list[EvalLog]) -> None:
    for log in logs:
        assert log.status == "success", log.error
        assert log.stats.model_usage == {}
        assert len(log.samples or ()) == LIMIT


def test_retrieval_scores_every_question(logs: list[EvalLog]) -> None:
    rows = {row.name: row for row in table.retrieval_rows(logs[0])}
    for metric in ("recall@1", "recall@5", "mrr", "ndcg@10"):
        assert rows[f"{metric} all"].n == LIMIT
        assert 0 <= rows[f"{metric} all"].value <= 1
        assert rows[f"{metric} hard"].n + rows[f"{metric} easy"].n == LIMIT
    assert rows["recall@1 all"].value <= rows["recall@5 all"].value
    assert rows["mrr all"].value > 0


def test_refusals_are_counted_apart_from_answers(logs: list[EvalLog]) -> None:
    rows = {row.name: row for row in table.answer_rows(logs[1])}
    unanswerable = sum(not sample.metadata["answerable"] for sample in logs[1].samples or ())
    assert unanswerable > 0
    assert rows["refused unanswerable"].n == unanswerable
    assert rows["answered answerable"].n == rows["complete all"].n == LIMIT - unanswerable
    answered = rows["answered answerable"].value * (LIMIT - unanswerable)
    assert rows["cited all"].n == rows["characters (median) all"].n == round(answered)


def test_nothing_said_is_uncited_or_unsupported(logs: list[EvalLog]) -> None:
    rows = {row.name: row.value for row in table.answer_rows(logs[1])}
    assert rows["cited all"] == 1.0
    assert rows["supported all"] == 1.0


def test_results_are_grouped_by_hardness_and_reason(logs: list[EvalLog]) -> None:
    assert logs[1].results is not None
    refused = next(score for score in logs[1].results.scores if score.name == "refused")
    groups = {sample.metadata["group"] for sample in logs[1].samples or ()}
    assert (
        set(refused.metrics) >= {f"grouped_{group}" for group in groups}
        or set(refused.metrics) >= groups
    )
