"""Tables: rows and records as list items in which every value carries its column's name."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from copilot.errors import ReadError

_DELIMITERS = (",", "\t", ";", "|", "，")
# Lines that settle the delimiter, and rows above the header (a title, a remark) looked past.
_SAMPLE_LINES, _ABOVE = 20, 10
_NUMBER = re.compile(r"[-+]?[\d,.]+%?")
_PLAIN_SHEET = re.compile(r"(?:sheet|工作表)\s*\d*", re.IGNORECASE)
_EXCEL_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!)")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
# Excel knows no more columns.
_COLUMNS = 16_384
# Invalid lines of a JSONL file that are named one by one.
_NAMED = 5


def csv_text(text: str) -> str:
    """Each row of a CSV as `- column：value；column：value`.

    Raises:
        ReadError: a quoted field never ends.
    """
    lines = text.split("\n", 1)
    if lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        delimiter, text = lines[0][4], lines[-1]
    else:
        delimiter = _delimiter(text)
    # The limit is the whole process's: others read tables, too.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ReadError(f"damaged CSV ({error})", remedy="save it again as CSV UTF-8") from error
    return "\n".join(_rows(rows))


def xlsx_text(file: BinaryIO) -> tuple[str, str]:
    """The visible sheets of a workbook, and a note on what was left out.

    Values are the ones last computed, in the form people see where that changes their meaning
    (percentages, dates); a merged cell stands in every row it spans.

    Args:
        file: the workbook, already known to inflate within bounds.
    """
    import openpyxl  # type: ignore[import-untyped]

    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    parts: list[str] = []
    hidden = []
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            hidden.append(sheet.title)
            continue
        path = str(getattr(sheet, "_worksheet_path", ""))
        merged = _merged(file, path)
        sheet.reset_dimensions()
        lines = list(_rows(_spread(_cells(sheet), merged)))
        if lines and not _PLAIN_SHEET.fullmatch(sheet.title.strip()):
            lines.insert(0, f"## {_flat(sheet.title)}\n")
        parts.append("\n".join(lines))
    book.close()
    note = f"hidden sheets left out: {', '.join(hidden)}" if hidden else ""
    return "\n\n".join(part for part in parts if part), note


def json_text(text: str) -> tuple[str, str]:
    """A JSON document as text, and a note; one record per list item, numbers as written.

    A `.json` file that holds one value per line is read as JSONL.

    Raises:
        ReadError: it is no JSON.
    """
    try:
        return _document(_loads(text)), ""
    except ValueError as error:
        try:
            found, note = jsonl_text(text)
        except ReadError:
            note = "nothing valid"
        if note:
            raise ReadError(f"invalid JSON ({error})", remedy="correct it there") from error
        return found, ""


def jsonl_text(text: str) -> tuple[str, str]:
    """Each line of a JSONL as a list item, and a note on the lines that are invalid.

    Raises:
        ReadError: no line is valid.
    """
    items: list[str] = []
    invalid: list[int] = []
    total = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        total += 1
        try:
            items.append(_document([_loads(line)]))
        except ValueError:
            invalid.append(number)
    if not items and total:
        raise ReadError("invalid JSONL: no line is JSON", remedy="write one JSON value per line")
    named = ", ".join(map(str, invalid[:_NAMED])) + (", …" if len(invalid) > _NAMED else "")
    note = f"{len(invalid)} of {total} lines are no JSON and left out: {named}" if invalid else ""
    return "\n".join(items), note


def _delimiter(text: str) -> str:
    """The delimiter that divides the first lines most often and most evenly."""
    lines = [line for line in text.split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES] if line.strip()]

    def evenness(delimiter: str) -> tuple[int, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        wide = [count for count in counts if count > 1]
        most = max(wide, key=wide.count, default=0)
        return wide.count(most), most

    try:
        return max(_DELIMITERS, key=evenness)
    except csv.Error:
        return ","


def _rows(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Table rows as list items; what stands above the header as lines of its own.

    The header is the first row with more than one value; it names the columns unless one of its
    values is a number or occurs twice.
    """
    header: Sequence[str] | None = None
    above: list[str] = []
    for row in rows:
        filled = [cell.strip() for cell in row if cell.strip()]
        if not filled:
            continue
        if header is None and len(filled) == 1 and len(above) < _ABOVE:
            above.append(_flat(filled[0]))
            continue
        if header is None:
            named = len(set(filled)) == len(filled) > 1
            named = named and not any(_NUMBER.fullmatch(cell) for cell in filled)
            header = [_flat(cell) for cell in row] if named else []
            yield from above
            if named:
                continue
        names = [header[place] if place < len(header) else "" for place in range(len(row))]
        yield _item([(name, cell) for name, cell in zip(names, row, strict=True) if cell.strip()])
    if header is None:
        yield from (f"- {line}" for line in above)


def _item(pairs: Sequence[tuple[str, str]]) -> str:
    """One record: short values on one line, values of several lines below it as they are."""
    short = [(name, _flat(value)) for name, value in pairs if "\n" not in value.strip()]
    long = [(name, value.strip()) for name, value in pairs if "\n" in value.strip()]
    lines = ["- " + "；".join(f"{name}：{value}" if name else value for name, value in short)]
    lines += [f"\n{name}：\n{value}\n" if name else f"\n{value}\n" for name, value in long]
    return "\n".join(lines if short else lines[1:])


def _flat(text: str) -> str:
    return " ".join(text.split())


def _cells(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        yield [_shown(cell) for cell in row[:_COLUMNS]]


def _shown(cell: Any) -> str:
    """A cell's value as people see it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, datetime.time):
        return value.isoformat("minutes")
    if isinstance(value, float) and "%" in str(cell.number_format):
        return f"{value * 100:.10g}%"
    if isinstance(value, float):
        return f"{value:.15g}"
    text = str(value)
    return "" if _EXCEL_ERROR.fullmatch(text) else text


def _merged(file: BinaryIO, path: str) -> list[tuple[int, int, int, int]]:
    """Merged ranges of a sheet as (top, bottom, left, right), from 0, ends included."""
    with zipfile.ZipFile(file) as archive:
        found = _MERGED.findall(archive.read(path)) if path in archive.namelist() else []
    return [
        (int(top) - 1, int(bottom) - 1, _column(left), _column(right))
        for left, top, right, bottom in found
    ]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _spread(
    rows: Iterable[list[str]], merged: list[tuple[int, int, int, int]]
) -> Iterator[list[str]]:
    """Repeat a cell merged over rows in each of them; over columns it stays where it is."""
    starting: dict[int, list[tuple[int, int]]] = {}
    for top, bottom, left, _ in merged:
        if bottom > top:
            starting.setdefault(top, []).append((left, bottom))
    running: dict[int, tuple[int, str]] = {}
    for number, row in enumerate(rows):
        running = {left: kept for left, kept in running.items() if kept[0] >= number}
        if any(cell for cell in row):
            for left, (_, value) in running.items():
                row.extend([""] * (left + 1 - len(row)))
                row[left] = row[left] or value
        for left, bottom in starting.get(number, ()):
            running[left] = (bottom, row[left] if left < len(row) else "")
        yield row


def _loads(text: str) -> Any:
    # Numbers stay as written: large ones are not rounded, 1.10 is not 1.1.
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _document(value: Any) -> str:
    """A JSON value as lines: each record of a list one item, the rest `key：value`."""
    if not isinstance(value, dict | list):
        return f"- {_scalar(value)}"
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return "\n".join(f"- {_scalar(each)}" for each in value)
    if isinstance(value, list):
        return "\n".join(_document(each) for each in value)
    records = {name: each for name, each in value.items() if _is_records(each)}
    own = _pairs({name: each for name, each in value.items() if name not in records}, "")
    parts = [_item(own)] if own else []
    for name, each in records.items():
        parts.append(f"\n{name}：\n\n{_document(each)}")
    return "\n".join(parts).strip("\n")


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict | list) for each in value)


def _pairs(value: Any, path: str) -> list[tuple[str, str]]:
    """The values of a record by dotted path; lists of plain values joined."""
    if isinstance(value, dict):
        return [
            pair
            for name, each in value.items()
            for pair in _pairs(each, f"{path}.{name}" if path else str(name))
        ]
    if _is_records(value):
        nested = "；".join(_flat(_document(each)).removeprefix("- ") for each in value)
        return [(path, nested)]
    if isinstance(value, list):
        return [(path, "、".join(_scalar(each) for each in value))] if value else []
    return [(path, text)] if (text := _scalar(value)).strip() else []


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
