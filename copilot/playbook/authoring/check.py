"""The check of a knowledge folder: every entry, what they share, and the tables beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from copilot.playbook.authoring.entries import Entry, read_all
from copilot.playbook.authoring.problems import Problem
from copilot.playbook.authoring.rules import Context, check_entry, facts_without_asks
from copilot.playbook.authoring.sources import Sources
from copilot.playbook.authoring.tables import check_tables
from copilot.playbook.authoring.wording import letters


@dataclass(frozen=True, slots=True)
class Summary:
    """How much was checked; ``origin`` says what the figures were compared with."""

    origin: str
    entries: int
    asks: int
    cases: int
    benchmarks: int
    groups: int
    terms: int
    sections: int
    covered: int
    facts_without_asks: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found: problems (and warnings) by file and line, and what was looked at."""

    problems: tuple[Problem, ...]
    summary: Summary

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings do not count."""
        return not any(problem.level == "problem" for problem in self.problems)

    @property
    def told(self) -> str:
        """What was looked at and found, in three lines."""
        of = self.summary
        problems = sum(problem.level == "problem" for problem in self.problems)
        lines = (
            f"{of.entries} entries, {of.asks} asks, {of.cases} cases, {of.benchmarks} benchmarks,"
            f" {of.groups} glossary groups, {of.terms} dictionary terms;"
            f" {of.covered} of {of.sections} source sections covered;"
            f" {of.facts_without_asks} figures that no ask names.",
            f"Compared with {of.origin}.",
            f"{problems} problems, {len(self.problems) - problems} warnings.",
        )
        return "\n".join(lines)


def check(
    folder: Path, sources: Sources, today: date, drafts: Mapping[str, bytes] | None = None
) -> Report:
    """Check a knowledge folder against the sources.

    Args:
        today: an entry that was updated later is wrong.
        drafts: file (relative to the folder) -> content to be checked in place of what is there.

    Raises:
        BadInput: there is no such folder, or nothing in it is an entry.
    """
    entries, problems = read_all(folder, drafts)
    context = Context(frozenset(entry.id for entry in entries), sources)
    for entry in entries:
        problems.extend(check_entry(entry, context))
    problems.extend(_dates(entries, today))
    problems.extend(_ids(entries))
    problems.extend(_shared_asks(entries))
    missing = sorted(
        sources.sections.keys() - {place for each in entries for place in each.sources}
    )
    problems.extend(
        Problem("", 0, "coverage", f"no entry rests on {place}.", "Name it in `sources` of one.")
        for place in missing
    )
    of_tables, counts = check_tables(folder, sources)
    problems.extend(of_tables)
    summary = _summary(entries, sources, len(missing), counts)
    return Report(tuple(sorted(problems)), summary)


def _summary(
    entries: Sequence[Entry], sources: Sources, missing: int, counts: Mapping[str, int]
) -> Summary:
    return Summary(
        origin=sources.origin,
        entries=len(entries),
        asks=sum(len(entry.asks) for entry in entries),
        cases=counts.get("cases", 0),
        benchmarks=counts.get("benchmarks", 0),
        groups=counts.get("glossary", 0),
        terms=counts.get("dictionary", 0),
        sections=len(sources.sections),
        covered=len(sources.sections) - missing,
        facts_without_asks=sum(map(facts_without_asks, entries)),
    )


def _dates(entries: Sequence[Entry], today: date) -> Iterator[Problem]:
    for entry in entries:
        if entry.updated is not None and entry.updated > today:
            what = f"`updated` is {entry.updated}, which is to come."
            yield Problem(entry.file, entry.line_of("updated:"), "front-matter", what, "Mend it.")


def _ids(entries: Sequence[Entry]) -> Iterator[Problem]:
    first: dict[str, Entry] = {}
    for entry in entries:
        if not entry.id:
            continue
        if (other := first.setdefault(entry.id, entry)) is not entry:
            what = f"the id {entry.id!r} is that of {other.file} too."
            yield Problem(entry.file, entry.line_of("id:"), "ids", what, "Give it another.")


def _shared_asks(entries: Sequence[Entry]) -> Iterator[Problem]:
    """The same ask in two entries: both come up for it, which may be meant."""
    first: dict[str, Entry] = {}
    for entry in entries:
        for form, ask in {letters(ask): ask for ask in entry.asks}.items():
            if (other := first.setdefault(form, entry)) is entry:
                continue
            yield Problem(
                entry.file,
                entry.line_of(ask),
                "shared-ask",
                f"{ask!r} is asked in {other.file} too.",
                "Leave it where it is answered best, or make each more exact.",
                "warning",
            )
