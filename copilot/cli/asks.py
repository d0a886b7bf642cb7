"""Asks on the command line: those a person adds to passages, and those a model writes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copilot.cli.terminal import Json, bar, inputs_of, opened, plain, print_line
from copilot.errors import BadInput

if TYPE_CHECKING:
    from copilot.app import Copilot
    from copilot.jobs.expand import Expanded
    from copilot.playbook.asks import Changed, Held

# Candidates that `--find` lists, and what is listed one by one elsewhere.
_CANDIDATES = 8
_SHOWN = 20

# Characters of a passage's text that tell a person which it is.
_TEXT = 80


def asks(
    place: Annotated[
        str | None,
        typer.Argument(
            metavar="[PASSAGE|SOURCE]",
            help="A passage's id, or a document as `copilot index` lists it or by its file.",
        ),
    ] = None,
    section: Annotated[
        str, typer.Option("--section", help="The document's section, or a part of its name.")
    ] = "",
    add: Annotated[
        list[str] | None, typer.Option("--add", help="A way people ask for it; may be repeated.")
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", help="An added ask that is to go; may be repeated."),
    ] = None,
    file: Annotated[
        str, typer.Option("--file", help="Add those of a file, one a line; - is stdin.")
    ] = "",
    find: Annotated[
        str, typer.Option("--find", help="List passages for this search, with their ids.")
    ] = "",
    as_json: Json = False,
) -> None:
    """List, add and remove the ways people ask for a passage of any indexed document."""
    wanted = [*(add or ()), *((ask for ask, _ in inputs_of(None, file)) if file else ())]
    changes = bool(wanted or remove or file)
    if bool(find) == (place is not None):
        raise BadInput(
            "no passage is named." if not find else "there is a passage and --find.",
            remedy='Name a passage or a document, or look for one with --find "…".',
        )
    if find and (changes or section):
        raise BadInput(
            "--find only lists passages.", remedy="Then give the id of the one you mean."
        )
    with opened("copilot knowledge asks") as copilot:
        if place is None:
            hits = copilot.search(find, "operator", _CANDIDATES)
            _show(copilot.asks.held([hit.passage.id for hit in hits]), as_json, texts=True)
            return
        held = copilot.asks.at(place, Path(place).resolve(), section)
        if not changes:
            _show(held, as_json)
            return
        id_ = _one(held, place).passage.id
        changed = copilot.change_asks(id_, wanted, remove or ())
        _show(copilot.asks.held([id_]), as_json, changed)
        if not as_json:
            print(_told(changed, len(wanted)))


def _one(held: Sequence[Held], place: str) -> Held:
    """The one passage that is meant.

    Raises:
        BadInput: there are several.
    """
    if len(held) == 1:
        return held[0]
    listed = [f"{each.passage.id} {_name(each)}" for each in held[:_SHOWN]]
    more = "; …" if len(held) > _SHOWN else ""
    raise BadInput(
        f"{place!r} has {len(held)} passages.",
        remedy=f"Name one by its id, or by --section: {'; '.join(listed)}{more}.",
    )


def _told(changed: Changed, wanted: int) -> str:
    known = wanted - changed.added
    there = f" ({known} there already)" if known else ""
    return f"{changed.added} added{there}, {changed.removed} removed."


def _show(
    held: Sequence[Held], as_json: bool, changed: Changed | None = None, *, texts: bool = False
) -> None:
    """Print passages with their asks; with ``texts``, how they begin and only the asks' number."""
    for each in held:
        if as_json:
            print_line(_object(each) | (plain(changed) if changed else {}))
            continue
        print(f"{each.passage.id}  {_name(each)}  ({each.passage.source})")
        if texts:
            print(f"  {each.passage.text[:_TEXT].replace(chr(10), ' ')}")
            print(f"  {len(each.asks)} asks")
            continue
        for ask in each.asks:
            print(f"  {ask.origin:6}  {ask.text}")
        if not each.asks:
            print("  no asks")


def _name(held: Held) -> str:
    return f"《{held.passage.title}》{held.passage.section}"


def _object(held: Held) -> dict[str, Any]:
    passage = held.passage
    return {
        "passage": passage.id,
        "title": passage.title,
        "section": passage.section,
        "source": passage.source,
        "root": held.root,
        "audience": passage.audience,
        "text": passage.text,
        "asks": [plain(ask) for ask in held.asks],
    }


# Written by a model -----------------------------------------------------------------------------


def expand(copilot: Copilot, paths: Sequence[Path], limit: int | None, as_json: bool) -> bool:
    """Have asks written for passages without any; whether it went well with every one.

    What it will cost is said on standard error before it begins.
    """
    plan = copilot.plan_asks(paths, limit)
    count = len(plan.passages)
    of = f" of {plan.waiting}" if plan.waiting > count else ""
    _note(
        f"{count}{of} passages without asks: about {plan.tokens_sent} tokens to"
        f" {copilot.settings.model} and {plan.tokens_written} back ({plan.label})."
    )
    done: list[Expanded] = []
    try:
        with bar(quiet=as_json) as step:

            def tell(each: Expanded) -> None:
                done.append(each)
                step(len(done), count, each.passage.title)
                if as_json:
                    print_line(_expanded(each, plan.label))

            copilot.expand(plan, tell)
    finally:
        if not as_json:
            _sum_up(done)
    return not any(each.error for each in done)


def _sum_up(done: Sequence[Expanded]) -> None:
    failed = [each for each in done if each.error]
    for each in failed[:_SHOWN]:
        print(f"  {each.passage.id}  《{each.passage.title}》{each.passage.section}: {each.error}")
    if len(failed) > _SHOWN:
        print(f"  … and {len(failed) - _SHOWN} more")
    written = sum(len(each.asks) for each in done)
    dropped = sum(len(each.dropped) for each in done)
    print(
        f"{written} asks for {len(done) - len(failed)} passages kept, {dropped} asks dropped,"
        f" {len(failed)} passages failed."
    )


def _expanded(done: Expanded, label: str) -> dict[str, Any]:
    return {
        "passage": done.passage.id,
        "title": done.passage.title,
        "section": done.passage.section,
        "source": done.passage.source,
        "asks": done.asks,
        "dropped": [plain(each) for each in done.dropped],
        "error": done.error,
        "prompt": label,
    }


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
