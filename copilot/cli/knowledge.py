"""Commands on the knowledge folder: check, list, stale, duplicates, new, edit, sources."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from copilot.cli.asks import asks
from copilot.cli.rows import show_problems, show_rows
from copilot.cli.terminal import As, Json, plain, print_line, print_one, settings_of, started
from copilot.errors import BadInput

if TYPE_CHECKING:
    from copilot.playbook.authoring.entries import Entry
    from copilot.playbook.authoring.sources import Sources

knowledge_app = typer.Typer(
    help="The entries of the playbook: check, list, write and maintain them.",
    no_args_is_help=True,
)

Folder = Annotated[
    Path | None, typer.Option("--knowledge", help="The knowledge folder; not given, ours.")
]
Documents = Annotated[
    Path | None,
    typer.Option(
        "--sources",
        help="Folder of the source documents; not given, ../shared/playbook beside the checkout"
        " where it exists, else the digest sources.yaml.",
    ),
]


@knowledge_app.command("check")
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="The knowledge folder; not given, ours.")
    ] = None,
    sources: Documents = None,
    as_json: Json = False,
) -> None:
    """Check entries, cases, benchmarks, glossary and dictionary; exit 1 on any problem."""
    from copilot.playbook.authoring import check as checks

    where = _folder(folder)
    report = checks.check(where, _sources(where, sources), date.today())
    if as_json:
        for problem in report.problems:
            print_line(plain(problem))
        print_line({"ok": report.ok, "summary": plain(report.summary)})
    else:
        show_problems(report.problems)
        print(report.told)
    if not report.ok:
        raise typer.Exit(1)


@knowledge_app.command("list")
def list_(
    stage: Annotated[str, typer.Option("--stage", help="种子, 成长, 成熟 …")] = "",
    audience: Annotated[As | None, typer.Option("--audience", help="For whom.")] = None,
    tag: Annotated[str, typer.Option("--tag", help="One of its tags.")] = "",
    topic: Annotated[str, typer.Option("--folder", help="活动, sop, crisis …")] = "",
    knowledge: Folder = None,
    as_json: Json = False,
) -> None:
    """List the entries, all or those that match every option."""
    from copilot.playbook.authoring.entries import choose

    chosen = choose(
        _entries(_folder(knowledge)), stage, audience.value if audience else "", tag, topic
    )
    if as_json:
        for entry in chosen:
            print_line(_plain(entry))
        return
    rows = [
        (each.id, each.title, each.audience, "、".join(each.stage), str(each.updated or "—"))
        for each in chosen
    ]
    show_rows(("id", "title", "audience", "stage", "updated"), rows)
    print(f"{len(chosen)} entries, {sum(len(entry.asks) for entry in chosen)} asks.")


@knowledge_app.command("stale")
def stale(
    days: Annotated[int, typer.Option("--days", min=0, help="Older than this is stale.")] = 180,
    sources: Documents = None,
    knowledge: Folder = None,
    as_json: Json = False,
) -> None:
    """List entries nobody has updated for long, or whose source has changed since its digest."""
    from copilot.playbook.authoring import sources as of_sources
    from copilot.playbook.authoring import stale as ages

    where = _folder(knowledge)
    changed: frozenset[str] = frozenset()
    if (digest := _digest(where)) is not None:
        changed = ages.changed(_sources(where, sources), of_sources.from_digest(digest))
    found = ages.stale(_entries(where), date.today(), days, changed)
    if as_json:
        for each in found:
            print_line(_plain(each.entry) | {"age_days": each.age, "changed": each.changed})
        return
    rows = [
        (each.entry.id, each.entry.title, _days(each.age), "、".join(each.changed))
        for each in found
    ]
    show_rows(("id", "title", "age", "changed source"), rows)
    print(f"{len(found)} entries to look at (older than {days} days, or their source changed).")


@knowledge_app.command("duplicates")
def duplicates(
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", min=-1, max=1, help="Cosine of bodies that makes a pair; 0.75."
        ),
    ] = None,
    knowledge: Folder = None,
    as_json: Json = False,
) -> None:
    """List pairs of entries that say the same: alike in their bodies, or with a common ask."""
    entries = _entries(_folder(knowledge))
    from copilot.models import embedder
    from copilot.playbook.authoring import duplicates as alike

    started()
    limit = alike.THRESHOLD if threshold is None else threshold
    pairs = alike.pairs(entries, embedder.load("shipped").encode, limit)
    if as_json:
        for pair in pairs:
            ids = {"one": pair.one.id, "other": pair.other.id}
            score = {"similarity": round(pair.similarity, 4), "shared_asks": pair.shared}
            print_line(ids | score)
        return
    rows = [
        (f"{pair.similarity:.2f}", pair.one.id, pair.other.id, "、".join(pair.shared))
        for pair in pairs
    ]
    show_rows(("cosine", "one", "other", "shared asks"), rows)
    print(f"{len(pairs)} pairs reach {limit:g} or share an ask.")


@knowledge_app.command("new")
def new(
    title: Annotated[str, typer.Argument(help="What the entry is about.")],
    topic: Annotated[str, typer.Option("--folder", help="活动, 增长 …, or sop, crisis, members.")],
    audience: Annotated[
        As | None,
        typer.Option("--audience", help="For whom; not given, members in members, else operators."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="A section it rests on, as 002#4.3; may be repeated."),
    ] = None,
    stage: Annotated[
        list[str] | None, typer.Option("--stage", help="种子, 成长 …; may be repeated.")
    ] = None,
    id_: Annotated[str, typer.Option("--id", help="Its id; not given, one is made up.")] = "",
    knowledge: Folder = None,
    as_json: Json = False,
) -> None:
    """Write the skeleton of a new entry: front matter, headings, blanks."""
    from copilot.playbook.authoring.drafts import Draft, create

    for_whom = audience.value if audience else "member" if topic == "members" else "operator"
    draft = Draft(title, topic, for_whom, tuple(source or ()), tuple(stage or ()), id_)
    where = _folder(knowledge)
    path, made = create(where, draft, _entries(where), _sources(where, None), date.today())
    told = f"{path} ({made}). Write it: copilot knowledge edit {made}"
    print_one(as_json, {"id": made, "file": str(path)}, told)


@knowledge_app.command("edit")
def edit(
    name: Annotated[str, typer.Argument(metavar="ID", help="The entry's id, or its file.")],
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back the version before the last edit.")
    ] = False,
    sources: Documents = None,
    knowledge: Folder = None,
) -> None:
    """Edit a copy of an entry in $EDITOR, check it, and keep it when it is right."""
    from copilot.cli.editing import edit_entry
    from copilot.playbook.authoring import drafts

    where = _folder(knowledge)
    path = drafts.find(where, name, _entries(where))
    versions = settings_of().home / "previous"
    if undo:
        drafts.undo(path, versions)
        print(f"{path} is as it was before. (--undo again brings the later version back.)")
        return
    edit_entry(where, path, _sources(where, sources), versions, date.today())


@knowledge_app.command("sources")
def sources(
    documents: Annotated[
        Path, typer.Option("--from", metavar="DIR", help="Folder of the source documents.")
    ],
    knowledge: Folder = None,
) -> None:
    """Write the digest of the source documents: numbers, titles and figures, no sentences."""
    from copilot.playbook.authoring import sources as of_sources

    read = of_sources.from_documents(_existing(documents))
    path = of_sources.write_digest(read, _folder(knowledge))
    print(f"{path}: {len(read.sections)} sections.")


knowledge_app.command("asks")(asks)


# What the commands share ------------------------------------------------------------------------


def _shipped() -> Path:
    """The knowledge folder that ships."""
    # Costs 2 s: only when it is needed.
    from copilot.app import folder

    return folder("knowledge")


def _folder(given: Path | None) -> Path:
    """The knowledge folder given, or the one that ships."""
    return _shipped() if given is None else _existing(given)


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise BadInput(f"{str(folder)!r} is no folder.", remedy="Check the path.")
    return folder


def _digest(folder: Path) -> Path | None:
    """The digest of a knowledge folder; for one without, the digest that ships."""
    from copilot.playbook.authoring.sources import DIGEST

    found = (path / DIGEST for path in (folder, _shipped()))
    return next((path for path in found if path.is_file()), None)


def _sources(folder: Path, documents: Path | None) -> Sources:
    """The documents given, else those beside the checkout, else the digest.

    A knowledge folder that is not ours and has a digest is compared with that: it need not rest on
    our documents.
    """
    from copilot.playbook.authoring import sources as of_sources

    if documents is not None:
        return of_sources.from_documents(_existing(documents))
    ours = _shipped()
    beside = ours.parent.parent / "shared" / "playbook"
    own = (folder / of_sources.DIGEST).is_file() and folder.resolve() != ours.resolve()
    return of_sources.load(None if own else beside, _digest(folder))


def _entries(folder: Path) -> list[Entry]:
    from copilot.playbook.authoring.entries import read_all

    return read_all(folder)[0]


def _plain(entry: Entry) -> dict[str, object]:
    """An entry as programs get it: its front matter, and its file."""
    return {
        "id": entry.id,
        "title": entry.title,
        "file": entry.file,
        "audience": entry.audience,
        "stage": entry.stage,
        "tags": entry.tags,
        "sources": entry.sources,
        "asks": len(entry.asks),
        "updated": entry.updated,
    }


def _days(age: int | None) -> str:
    return "no date" if age is None else f"{age} days"
