"""The command line: every verb, for people or, with --json, for programs."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copilot.cli.asks import expand as expand_asks
from copilot.cli.knowledge import knowledge_app
from copilot.cli.terminal import (
    As,
    Json,
    Questions,
    Reader,
    bar,
    caller,
    inputs_of,
    opened,
    plain,
    print_line,
    print_one,
    settings_of,
    started,
)
from copilot.errors import BadInput, CopilotError

if TYPE_CHECKING:
    from copilot.app import IndexReport

app = typer.Typer(
    name="copilot",
    help="Knowledge base and operations copilot for paid-knowledge communities.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys_app = typer.Typer(help="Keys for the API: create, list, revoke.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
train_app = typer.Typer(help="Train the models that are shipped.", no_args_is_help=True)
app.add_typer(train_app, name="train")
app.add_typer(knowledge_app, name="knowledge")


# What a document's report counts, and how many files are listed one by one.
_FINDINGS = ("repaired", "dropped", "suspicious", "missing")
_SHOWN = 20

Roles = Annotated[str, typer.Option("--role", help="admin, operator, trainer or bot.")]


def start() -> None:
    """The command `copilot`: `main`, quick to begin and quick to end.

    Collecting garbage among half-imported libraries finds none and costs a fifth of a start; taking
    the libraries down again at the end costs half a second more.
    """
    gc.disable()
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    else:
        code = 0
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run the command line; expected errors print one line and exit with 1."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # A terminal or pipe that is not UTF-8 must not end a Chinese answer in a traceback.
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        app()
    except CopilotError as error:
        print(f"copilot: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


# Playbook ----------------------------------------------------------------------------------------


@app.command()
def index(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders; none brings what is known up to date."),
    ] = None,
    audience: Annotated[
        As | None,
        typer.Option(
            "--audience",
            help="Who may be answered from files that do not say it in their front matter:"
            " `member` is everybody, `operator` and `trainee` are staff. Not given, it stays as it"
            " was; at first it is `member`.",
        ),
    ] = None,
    remove: Annotated[
        Path | None, typer.Option("--remove", help="Forget this file or folder.")
    ] = None,
    expand: Annotated[
        bool,
        typer.Option(
            "--expand",
            help="Then have the configured model write asks (ways people ask) for each passage that"
            " has none.",
        ),
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="With --expand: at most so many passages.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Index a playbook: read, clean, split, embed; only what changed is done again."""
    if expand:
        _check_expand(remove)
    elif limit is not None:
        raise BadInput("--limit is for --expand.", remedy="Give both, or neither.")
    with opened("copilot index") as copilot:
        if remove is not None:
            count = copilot.remove(remove)
            print_one(as_json, {"removed": count}, f"Forgot {count} documents of {remove}.")
            return
        with bar(quiet=as_json) as step:
            report = copilot.index(paths or [], audience.value if audience else None, step)
        if as_json:
            for root, files in report.files.items():
                for file in files:
                    print_line({"root": root, **plain(file)})
        else:
            _show_index(report)
        if expand and not expand_asks(copilot, paths or [], limit, as_json):
            raise typer.Exit(1)


def _check_expand(remove: Path | None) -> None:
    """Refuse `--expand` where it cannot be done, before anything is.

    Raises:
        BadInput: something is to be forgotten, too.
        SettingsError: no model is configured.
    """
    if remove is not None:
        raise BadInput("--remove and --expand do not go together.", remedy="Give one of them.")
    from copilot.jobs.expand import check_model

    check_model(settings_of().model)


def _show_index(report: IndexReport) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 140)
    counts: dict[str, int] = {}
    for root, files in report.files.items():
        for file in files:
            counts[file.status] = counts.get(file.status, 0) + 1
        shown = [file for file in files if file.status != "unchanged"]
        if len(shown) > _SHOWN:
            # Of a large folder, the files that a person should look at.
            shown = [file for file in shown if file.status != "read" or any(_counts(file))]
        if not shown:
            continue
        table = Table(title=escape(root), title_justify="left")
        for name in ("file", "status", "passages", *_FINDINGS):
            table.add_column(name, justify="left" if name in ("file", "status") else "right")
        for file in shown:
            cells = [str(n) for n in (file.passages, *_counts(file))]
            status = f"{file.status}: {file.reason}" if file.reason else file.status
            read = file.status == "read"
            table.add_row(escape(file.source), escape(status), *(cells if read else []))
        console.print(table)
        _show_findings(console, shown)
    told = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    console.print(
        f"{told}. {report.passages} passages in all, {report.embedded} embedded,"
        f" {report.seconds:.1f} s."
    )
    for audience in sorted(set(report.audiences.values())):
        who = "everybody, members included" if audience == "member" else "staff only"
        where = [escape(root) for root, each in report.audiences.items() if each == audience]
        of = f" of {', '.join(where)}" if len(where) < len(report.audiences) else ""
        console.print(
            f"Files{of} that do not name their audience may be cited to: {who} (--audience)."
        )


def _counts(file: Any) -> list[int]:
    return [len(file.cleaning.get(name, ())) for name in _FINDINGS]


def _show_findings(console: Any, files: Any) -> None:
    """What was suspicious or missing, in words: these are for a person to look at."""
    from rich.markup import escape

    for file in files:
        for name in ("missing", "suspicious"):
            for item in list(file.cleaning.get(name, ()))[:12]:
                text = item if isinstance(item, str) else " · ".join(str(v) for v in item.values())
                console.print(escape(f"  {name}: {text}"), highlight=False)


@app.command()
def search(
    question: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    k: Annotated[int, typer.Option("--k", min=1, max=50, help="How many passages.")] = 5,
    reader: Reader = As.operator,
    file: Questions = "",
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell why each passage came up.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find passages."""
    inputs = list(inputs_of(question, file))
    with opened("copilot search") as copilot:
        for q, given in inputs:
            hits = copilot.search(q, reader.value, k)
            if as_json:
                print_line(given | {"q": q, "hits": [_hit(hit, explain) for hit in hits]})
                continue
            for place, hit in enumerate(hits, start=1):
                passage = hit.passage
                print(f"{place}. 《{passage.title}》{passage.section}  ({hit.score:.2f})")
                print(f"   {passage.text[:160].replace(chr(10), ' ')}\n")
                if explain:
                    print(f"{_why(hit)}\n")


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="The question.")] = None,
    reader: Reader = As.operator,
    file: Questions = "",
    as_json: Json = False,
) -> None:
    """Answer a question from the playbook, with citations, through the agent."""
    inputs = list(inputs_of(question, file))
    with opened("copilot ask") as copilot:
        from copilot.app import Asked
        from copilot.jobs.answer import as_object

        for q, given in inputs:
            replied = copilot.ask(Asked(q, caller(reader), "cli"))
            if as_json:
                print_line({"id": replied.id} | given | as_object(replied.answer) | {"q": q})
            else:
                print(replied.answer.text)


@app.command()
def chat(
    thread: Annotated[
        str, typer.Option("--thread", help="Conversation to go on with; kept across restarts.")
    ] = "cli",
    reader: Reader = As.operator,
) -> None:
    """Talk with the copilot; an empty line or Ctrl-D ends."""
    with opened("copilot chat") as copilot:
        from copilot.agent.graph import Delta
        from copilot.app import Asked
        from copilot.language import strings

        language = copilot.settings.language
        if sys.stdin.isatty():
            print(strings.text("answer.greeting.staff", language))
        while True:
            try:
                line = input("> " if sys.stdin.isatty() else "").strip()
            except (EOFError, KeyboardInterrupt):
                break
            if not line:
                break
            try:
                for event in copilot.stream(Asked(line, caller(reader), "cli", f"cli:{thread}")):
                    if isinstance(event, Delta):
                        print(event.text, end="", flush=True)
            except BadInput as error:
                print(f"copilot: {error}", file=sys.stderr)
            print("\n")


@app.command()
def gaps(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """List the questions that found no evidence, most frequent first."""
    with opened("copilot gaps") as copilot:
        for gap in copilot.gaps.list(limit):
            if as_json:
                print_line(plain(gap))
            else:
                print(f"{gap.times:4d}×  {gap.last:%Y-%m-%d}  [{gap.audience}]  {gap.question}")


# Server ------------------------------------------------------------------------------------------


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve the console, the API and the bots' dialects in one process."""
    settings = settings_of(host=host, port=port)
    from copilot.server import run

    started()
    run.serve(settings)


@keys_app.command("create")
def keys_create(
    role: Roles,
    name: Annotated[str, typer.Option("--name", help="What the key is for.")] = "",
    as_json: Json = False,
) -> None:
    """Make a key; it is shown once."""
    with opened("copilot keys") as copilot:
        key, secret = copilot.keys.create(role, name)
        told = f"{secret}\nKey {key.id}, role {key.role}. Keep it now: it is not shown again."
        print_one(as_json, {"id": key.id, "role": key.role, "name": key.name, "key": secret}, told)


@keys_app.command("list")
def keys_list(as_json: Json = False) -> None:
    """List the keys, without their secrets."""
    with opened("copilot keys") as copilot:
        for key in copilot.keys.list():
            state = "revoked" if key.revoked else "active"
            told = f"{key.id}  {key.role:8}  {key.created:%Y-%m-%d}  {state}  {key.name}"
            print_one(as_json, plain(key), told)


@keys_app.command("revoke")
def keys_revoke(id_: Annotated[str, typer.Argument(metavar="ID", help="The key's id.")]) -> None:
    """Revoke a key at once."""
    with opened("copilot keys") as copilot:
        key = copilot.keys.revoke(id_)
        print(f"Key {key.id} ({key.role}) is revoked.")


# Models ------------------------------------------------------------------------------------------


@train_app.command("embedder")
def train_embedder(
    out: Annotated[Path, typer.Option(help="Folder for the new model.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Training texts: a folder with embedding/*.jsonl.gz and asks/."),
    ] = None,
    playbook: Annotated[
        Path | None, typer.Option(help="The source documents that asks/asks.jsonl is keyed by.")
    ] = None,
    knowledge: Annotated[
        Path | None, typer.Option(help="Folder of entries that carry their own asks.")
    ] = None,
    start: Annotated[
        str,
        typer.Option("--from", help="Train this model further: `shipped`, or a model2vec folder."),
    ] = "",
    score: Annotated[
        bool, typer.Option(help="Also train without a tenth of the asks, and score on those.")
    ] = True,
    seed: Annotated[int, typer.Option(help="The same seed and texts give the same model.")] = 7,
    as_json: Json = False,
) -> None:
    """Train the embedder; use the result with COPILOT_EMBEDDER=OUT."""
    from dataclasses import replace

    from copilot.models import embedder, train

    started()
    asks = data / "asks" / "asks.jsonl" if data else None
    synonyms = data / "asks" / "synonyms.txt" if data else None
    sources = train.Sources(
        general=data / "embedding" if data and not start else None,
        asks=asks if asks and asks.is_file() and playbook else None,
        documents=playbook,
        synonyms=synonyms if synonyms and synonyms.is_file() else None,
        knowledge=knowledge,
    )
    recipe = replace(train.ADAPT if start else train.Recipe(), seed=seed)
    begin = embedder.SHIPPED if start == "shipped" else Path(start) if start else None
    with bar(quiet=as_json) as step:
        report = train.train_embedder(
            sources,
            out,
            recipe,
            start=begin,
            score=score,
            progress=lambda what, n, of: step(n, of, what),
        )
    if as_json:
        print_line(plain(report))
        return
    for each in report.scores:
        print(
            f"{each.model} on {each.corpus}: recall@1 {each.recall_at_1:.3f},"
            f" recall@5 {each.recall_at_5:.3f} ({each.asks} held-out asks, {each.topics} topics)"
        )
    print(f"{report.name} saved in {out}, {report.seconds:.0f} s. Use it: COPILOT_EMBEDDER={out}")


# Health ------------------------------------------------------------------------------------------


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check settings, records, index and models; say what to do about what is wrong."""
    from copilot.doctor import examine

    results = examine(settings_of())
    for result in results:
        told = f"{'ok  ' if result.ok else 'FAIL'}  {result.name}: {result.found}"
        if not result.ok:
            told += f"\n      {result.remedy}"
        print_one(as_json, plain(result), told)
    if not all(result.ok for result in results):
        raise typer.Exit(1)


@app.command()
def version(as_json: Json = False) -> None:
    """Print the version."""
    from importlib import metadata

    number = metadata.version("copilot")
    print_one(as_json, {"version": number}, number)


def _hit(hit: Any, explain: bool) -> dict[str, Any]:
    passage = hit.passage
    found = {
        "id": passage.id,
        "title": passage.title,
        "section": passage.section,
        "source": passage.source,
        "text": passage.text,
        "score": round(hit.score, 4),
    }
    if explain:
        why = {
            name: round(v, 4) if isinstance(v, float) else v for name, v in plain(hit.why).items()
        }
        found["why"] = {"bm25": round(hit.lexical, 4), "similarity": round(hit.dense, 4)} | why
    return found


def _why(hit: Any) -> str:
    """Why a passage came up, one reason a line."""
    why = hit.why
    lines = [
        f"   cosines: passage {why.body:.2f}, nearest statement {why.statement:.2f},"
        f" nearest ask {why.ask:.2f}{f' ({why.asked})' if why.asked else ''}",
        f"   words (BM25 {hit.lexical:.1f}): {'、'.join(why.words) or 'none shared'}",
    ]
    if why.terms:
        lines.append(f"   glossary: {'、'.join(why.terms)}")
    return "\n".join(lines)
