"""`python -m evals`: retrieval and answers measured in one process, in one table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from inspect_ai import eval as run
from inspect_ai.log import EvalLog
from rich.console import Console

from evals import corpus, table
from evals.answers import answers
from evals.questions import SPLITS
from evals.retrieval import retrieval

OUT = Path(__file__).parent / "out"
LOGS = corpus.ROOT / "logs"


def measure(
    split: Annotated[str, typer.Option(help="dev to choose by; test only to report.")] = "dev",
    audience: Annotated[str, typer.Option(help="member, operator or trainee.")] = "operator",
    name: Annotated[
        str, typer.Option("--corpus", help="documents, knowledge, or all (both).")
    ] = "documents",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    save_baseline: Annotated[bool, typer.Option(help="Keep the headlines as baseline.")] = False,
    check: Annotated[bool, typer.Option(help="Exit 1 when a headline fell.")] = False,
) -> None:
    """Measure retrieval, answers and refusal. No network, no model."""
    if split not in SPLITS or name not in corpus.NAMES:
        raise typer.BadParameter(f"splits are {SPLITS}, corpora {corpus.NAMES}")
    taken, note = corpus.chosen(name)
    if note:
        print(f"evals: {note}", file=sys.stderr)
    about = {"split": split, "corpus": taken, "audience": audience}
    given: Any = {"split": split, "corpus": name, "audience": audience}
    found, said = _run([retrieval(**given), answers(**given)])
    rows = table.retrieval_rows(found) + table.answer_rows(said)
    content = table.as_object(rows, about)
    table.write(OUT / f"{split}-{taken}-{audience}.json", content)
    if as_json:
        print(json.dumps(content, ensure_ascii=False))
    else:
        embedder = corpus.shared(taken).copilot.embedder_name
        title = f"{taken}, answered as {audience}, embedder {embedder}"
        Console(width=None if sys.stdout.isatty() else 100).print(table.render(rows, title, split))
    if save_baseline:
        table.write(table.BASELINE, table.headlines(rows, about))
    if check:
        _check(rows, about)


def _run(tasks: list[Any]) -> list[EvalLog]:
    """Run tasks quietly; the logs stay readable with `inspect view`.

    Raises:
        RuntimeError: a task did not finish; the message is its error.
    """
    logs = run(
        tasks,
        model="none",
        display="none",
        log_dir=str(LOGS),
        log_level="error",
        ctl_server=False,
        log_realtime=False,
        score_display=False,
        max_tasks=1,
    )
    for log in logs:
        if log.status != "success":
            raise RuntimeError(f"{log.eval.task}: {log.error.message if log.error else log.status}")
    return logs


def _check(rows: list[table.Row], about: dict[str, str]) -> None:
    try:
        fallen = table.drops(rows, about, table.read(table.BASELINE))
    except (OSError, ValueError) as error:
        print(f"evals: no baseline to check against: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    for line in fallen:
        print(f"evals: {line}", file=sys.stderr)
    if fallen:
        raise typer.Exit(1)
    print("evals: no headline fell below its baseline", file=sys.stderr)


if __name__ == "__main__":
    typer.run(measure)
