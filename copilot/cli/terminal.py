"""What the commands share: options, input files, progress, and how things are printed."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copilot.errors import BadInput

if TYPE_CHECKING:
    from copilot.app import Copilot
    from copilot.settings import Settings


class As(StrEnum):
    """Who is being answered."""

    member = "member"
    operator = "operator"
    trainee = "trainee"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]
Questions = Annotated[
    str,
    typer.Option(
        "--file", help="Read inputs from a file, one a line (plain or JSONL with `q`); - is stdin."
    ),
]
Reader = Annotated[As, typer.Option("--as", help="Who is being answered.")]


def started() -> None:
    """What has been imported stays; from here on garbage is collected as usual."""
    gc.freeze()
    gc.enable()


@contextmanager
def bar(*, quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on standard error, where a person is looking."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task("…")

        def step(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what[-40:])

        yield step


def settings_of(**overrides: object) -> Settings:
    """The settings, with options given on the command line over them."""
    from copilot.settings import load

    return load(**overrides)


def opened(doing: str) -> Copilot:
    """The copilot on its home, which this process then holds."""
    settings = settings_of()
    from copilot.app import Copilot

    copilot = Copilot(settings, doing=doing)
    started()
    return copilot


def caller(reader: As) -> Any:
    """Who asks, as the agent takes it."""
    from copilot.agent.tools import Caller

    roles: dict[str, Any] = {"member": "bot", "operator": "operator", "trainee": "trainer"}
    return Caller(roles[reader.value], reader.value)


def inputs_of(one: str | None, file: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The question given, or those of a file, each with the other keys of its JSON object."""
    if one is not None:
        yield one, {}
        return
    if not file:
        raise BadInput("there is no question.", remedy="Give one, or --file FILE (- for stdin).")
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{file!r} cannot be read: {error}.", remedy="Name a UTF-8 text file."
        ) from error
    # Not `splitlines`: JSON may hold other line ends (U+2028) as they are.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        if not line.lstrip().startswith("{"):
            yield line.strip(), {}
            continue
        try:
            given = json.loads(line)
        except ValueError as error:
            raise BadInput(f"line {number} is not JSON: {error}.", remedy="Mend it.") from error
        q = given.get("q") or given.get("text") or given.get("question")
        if not isinstance(q, str):
            raise BadInput(f"line {number} has no `q`.", remedy='Use {"q": "…"}.')
        yield q, given


def plain(thing: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(thing)


def print_line(thing: dict[str, Any]) -> None:
    line = json.dumps(thing, ensure_ascii=False, default=str)
    # JSON allows them within a line; many readers of lines do not.
    for end in "\x85\u2028\u2029":
        line = line.replace(end, f"\\u{ord(end):04x}")
    print(line, flush=True)


def print_one(as_json: bool, thing: dict[str, Any], told: str) -> None:
    if as_json:
        print_line(thing)
    else:
        print(told)
