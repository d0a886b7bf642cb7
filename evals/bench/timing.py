"""Timing: what a bench reports, and the machine it ran on."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing measured: values in ``unit``, and the most that the median may be (0: no limit).

    ``on`` says which statistic the limit is for: `median` or `p95`.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    limit: float = 0.0
    on: str = "median"

    @property
    def median(self) -> float:
        """The middle value."""
        return float(np.median(self.values))

    @property
    def p95(self) -> float:
        """The 95th percentile."""
        return float(np.percentile(self.values, 95))

    @property
    def held(self) -> bool:
        """Whether the limit is kept."""
        return not self.limit or (self.p95 if self.on == "p95" else self.median) <= self.limit


def timed(action: Callable[[], object], times: int) -> tuple[float, ...]:
    """Seconds that each of ``times`` calls took."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        found.append(time.perf_counter() - started)
    return tuple(found)


def machine() -> str:
    """The machine and the Python of this run."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text("utf-8").splitlines() if "model name" in line]
        model = names[0].split(":", 1)[1].strip() if names else model
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} CPUs ({model}), {memory:.0f} GiB, load {psutil.getloadavg()[0]:.1f},"
        f" Python {platform.python_version()}"
    )


def show(title: str, measures: Sequence[Measure]) -> None:
    """Print the table of a bench, the machine below it."""
    table = Table(title=title, title_justify="left", caption=machine(), caption_justify="left")
    for name in ("measured", "median", "p95", "n", "limit", ""):
        table.add_column(name, justify="left" if name in ("measured", "") else "right")
    for each in measures:
        digits = 0 if each.unit == "MB" else 2 if each.unit == "s" else 1
        limit = f"{each.on} ≤ {each.limit:g} {each.unit}" if each.limit else ""
        table.add_row(
            each.name,
            f"{each.median:.{digits}f} {each.unit}",
            f"{each.p95:.{digits}f} {each.unit}",
            str(len(each.values)),
            limit,
            "" if not each.limit else "kept" if each.held else "MISSED",
        )
    Console(width=None if Console().is_terminal else 110).print(table)
