"""Rows: how commands print tables, on a terminal or into a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from copilot.playbook.authoring.problems import Problem


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; nothing when it has no rows."""
    rows = list(rows)
    if not rows:
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def show_problems(problems: Iterable[Problem]) -> None:
    """Print problems, one a row; warnings say that they are."""
    show_rows(
        ("file", "line", "rule", "what", "remedy"),
        [
            (
                each.file or "—",
                str(each.line or ""),
                each.rule if each.level == "problem" else f"{each.rule} (warning)",
                each.what,
                each.remedy,
            )
            for each in problems
        ],
    )
