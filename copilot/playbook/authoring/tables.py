"""Tables: what is checked of cases, benchmarks, glossary and dictionary."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from copilot.errors import BadInput
from copilot.language.figures import Figure, figures, stands
from copilot.language.normalize import search_form
from copilot.language.vocabulary import read_terms
from copilot.playbook.authoring import notes
from copilot.playbook.authoring.problems import Problem
from copilot.playbook.authoring.sources import Sources

CASES = "cases.csv"
BENCHMARKS = "benchmarks.yaml"
GLOSSARY = "glossary.csv"
DICTIONARY = "dictionary.txt"

# A floor: a glossary that has lost a third of its groups was damaged in editing. Groups took the
# recall of bodies alone from 0.53 to 0.67 (design.md, "Known facts").
FEWEST_GROUPS = 400

_CASE = ["id", "who", "action", "metric", "effect", "unit", "direction", "period", "section"]
_GROUP = ["term", "synonyms", "english", "note"]
_BENCHMARK = {"id", "name", "metric", "operator", "value", "unit", "note", "section"}
_DIRECTIONS = ("up", "down", "level")
_OPERATORS = (">=", "<=", ">", "=", "between", "range")
# A benchmark's unit: what a figure of the source is counted in, and how many of it make one.
_UNITS = {
    "percent": ("%", 1),
    "month": ("月", 1),
    "hour": ("小时", 1),
    "person": ("人", 1),
    "set": ("套", 1),
    "times_per_week": ("次", 1),
    "ten_thousand_cny": ("元", 10_000),
    "cny_per_month": ("元", 1),
}
_SAME = re.compile(r"（([^（）]*?)\s*同）")

Found = list[tuple[int, str, str]]


def check_tables(folder: Path, sources: Sources) -> tuple[list[Problem], dict[str, int]]:
    """Check the tables that lie in a knowledge folder; one that is not there is passed over.

    Returns:
        the problems, and how many rows each has, by its name without the ending.
    """
    problems: list[Problem] = []
    counts: dict[str, int] = {}
    for name, check in (
        (CASES, _cases),
        (BENCHMARKS, _benchmarks),
        (GLOSSARY, _glossary),
        (DICTIONARY, _dictionary),
    ):
        kind = name.partition(".")[0]
        if not (folder / name).is_file():
            continue
        try:
            text = (folder / name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            what, remedy = f"cannot be read: {error}.", "Save it as UTF-8."
            problems.append(Problem(name, 0, kind, what, remedy))
            continue
        counts[kind], found = check(text, sources)
        problems.extend(Problem(name, at, kind, what, remedy) for at, what, remedy in found)
    return problems, counts


def _rows(text: str, columns: list[str]) -> tuple[list[tuple[int, list[str]]], Found]:
    """The rows of a CSV file with their lines; those with other columns are problems."""
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        rows.extend((reader.line_num, row) for row in reader)
    except csv.Error as error:
        return [], [(reader.line_num, f"is not CSV: {error}.", "Mend the quotes.")]
    if not rows or rows[0][1] != columns:
        remedy = f"The first line is {','.join(columns)}."
        return [], [(1, "has other columns.", remedy)]
    wrong = [
        (line, f"{len(row)} columns.", f"{len(columns)}; put what holds a comma into quotes.")
        for line, row in rows[1:]
        if len(row) != len(columns)
    ]
    return [(line, row) for line, row in rows[1:] if len(row) == len(columns)], wrong


def _cases(text: str, sources: Sources) -> tuple[int, Found]:
    rows, problems = _rows(text, _CASE)
    seen: set[str] = set()
    for line, row in rows:
        case = dict(zip(_CASE, row, strict=True))
        problems.extend((line, *each) for each in _case(case, seen, sources))
        seen.add(case["id"])
    return len(rows), problems


def _case(case: dict[str, str], seen: set[str], sources: Sources) -> Iterator[tuple[str, str]]:
    if case["id"] in seen:
        yield f"the id {case['id']!r} stands twice.", "Give each case its own."
    for name in ("id", "who", "action", "metric", "effect"):
        if not case[name].strip():
            yield f"`{name}` is empty.", "Fill it in."
    if case["direction"] not in _DIRECTIONS:
        yield f"`direction` is {case['direction']!r}.", f"One of {', '.join(_DIRECTIONS)}."
    section = sources.sections.get(case["section"])
    if section is None:
        yield f"the sources have no {case['section']!r}.", "Name the section it stands in."
        return
    told = figures(case["effect"])
    if not told:
        yield f"the effect {case['effect']!r} has no figure.", "Write it as the source has it."
    for figure in (*told, *figures(case["period"])):
        if not stands(figure, section.figures):
            yield f"{figure.text} is not in {section.key}.", "Mend the figure or the section."


def _benchmarks(text: str, sources: Sources) -> tuple[int, Found]:
    try:
        rows: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        return 0, [(0, f"is not YAML: {error}.", "Mend it.")]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return 0, [(1, "is no list of benchmarks.", "Begin each with `- id:`.")]
    problems: Found = []
    lines = [at for at, line in enumerate(text.split("\n"), start=1) if line.startswith("- ")]
    seen: set[str] = set()
    for line, row in zip(lines, rows, strict=False):
        if (id_ := str(row.get("id"))) in seen:
            problems.append((line, f"the id {id_!r} stands twice.", "Give each its own."))
        seen.add(id_)
        problems.extend((line, *each) for each in _benchmark(row, sources))
    return len(rows), problems


def _benchmark(row: dict[str, Any], sources: Sources) -> Iterator[tuple[str, str]]:
    if row.keys() != _BENCHMARK:
        told = ", ".join(sorted(map(str, row.keys() ^ _BENCHMARK)))
        yield f"other keys than expected: {told}.", f"Keys: {', '.join(sorted(_BENCHMARK))}."
        return
    operator, unit = str(row["operator"]), str(row["unit"])
    values = row["value"] if isinstance(row["value"], list) else [row["value"]]
    if operator not in _OPERATORS or unit not in _UNITS:
        told = f"{', '.join(_OPERATORS)}; {', '.join(_UNITS)}."
        yield f"operator {operator!r}, unit {unit!r}.", f"Known are {told}"
        return
    if not all(type(value) in (int, float) for value in values) or len(values) != (
        2 if operator in ("between", "range") else 1
    ):
        yield f"the value is {row['value']!r}.", "A number; two for `between` and `range`."
        return
    name, each = _UNITS[unit]
    # 「（002#4.2 同）」 in the note: the same value stands there too.
    same = [place for found in _SAME.findall(str(row["note"])) for place in notes.read(found)]
    for place in (str(row["section"]), *same):
        section = sources.sections.get(place)
        if section is None:
            yield f"the sources have no {place!r}.", "Name the section it stands in."
            continue
        for value in values:
            figure = Figure(Decimal(str(value)) * each, name, str(value))
            if not stands(figure, section.figures):
                yield f"{figure.name} is not in {place}.", "Mend the value or the section."


def _glossary(text: str, _: Sources) -> tuple[int, Found]:
    rows, problems = _rows(text, _GROUP)
    heads: dict[str, int] = {}
    for line, (term, synonyms, english, note) in rows:
        form = search_form(term)
        if not term.strip() or term != term.strip() or "|" in term:
            problems.append((line, f"the term is {term!r}.", "One term, without blanks around."))
        if form in heads:
            what = f"{term!r} heads line {heads[form]} too."
            problems.append((line, what, "Join the two groups."))
        heads.setdefault(form, line)
        if not synonyms and not english:
            problems.append((line, f"{term!r} has no synonym.", "Add one, or take it out."))
        if not note.strip():
            problems.append((line, f"{term!r} has no topic.", "Name its topic under `note`."))
        each = [search_form(one) for part in (synonyms, english) if part for one in part.split("|")]
        if any(not one.strip() or one != one.strip() for one in each):
            problems.append((line, f"{term!r} has an empty synonym.", "Divide them by one `|`."))
        if len({form, *each}) <= len(each):
            problems.append((line, f"{term!r} has a word twice.", "Once is enough."))
    if rows and len(rows) < FEWEST_GROUPS:
        problems.append((0, f"{len(rows)} groups.", f"Keep at least {FEWEST_GROUPS}."))
    return len(rows), problems


def _dictionary(text: str, _: Sources) -> tuple[int, Found]:
    count = 0
    problems: Found = []
    seen: set[str] = set()
    for line, words in enumerate(text.split("\n"), start=1):
        try:
            terms = list(read_terms([words]))
        except BadInput as error:
            problems.append((line, f"{words.strip()!r} is not a term.", error.remedy))
            continue
        count += len(terms)
        if seen.intersection(terms):
            problems.append((line, f"{terms[0]!r} stands twice.", "Once is enough."))
        seen.update(terms)
    return count, problems
