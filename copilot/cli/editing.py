"""Editing: an entry's copy in the operator's editor, checked each time the editor closes."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from copilot.cli.rows import show_problems
from copilot.errors import BadInput

if TYPE_CHECKING:
    from copilot.playbook.authoring.problems import Problem
    from copilot.playbook.authoring.sources import Sources

_FALLBACKS = ("nano", "vi")


def edit_entry(folder: Path, path: Path, sources: Sources, versions: Path, today: date) -> None:
    """Let the operator edit a copy of an entry until it is kept or discarded.

    Args:
        folder: the knowledge folder that ``path`` lies in.
        versions: where the version before is kept, for `--undo`.

    Raises:
        BadInput: there is no editor, it failed, or the entry changed on disk meanwhile; the copy is
            then left for the operator and named.
    """
    from copilot.playbook.authoring import drafts

    before = path.read_bytes()
    copy = Path(tempfile.mkdtemp(prefix="copilot-edit-")) / path.name
    copy.write_bytes(before)
    while True:
        _open(copy)
        if not copy.is_file():
            raise BadInput(
                "the editor left no file; the entry is as it was.",
                remedy="Edit again and save under the same name.",
            )
        if copy.read_bytes() == before:
            print("Nothing changed.")
            break
        content = drafts.dated(copy.read_bytes(), today)
        problems = _problems(folder, path, content, sources, today)
        show_problems(problems)
        answer = _asked(copy) if problems else "k"
        if answer == "e":
            continue
        if answer == "k":
            if path.read_bytes() != before:
                raise BadInput(
                    f"{str(path)!r} was changed meanwhile; your copy is {str(copy)!r}.",
                    remedy="Take over what you wrote by hand.",
                )
            drafts.keep(path, content, versions)
            print(f"Kept. Take it back: copilot knowledge edit --undo {path.relative_to(folder)}")
            print("Then run: copilot index")
        else:
            print("Discarded; the entry is as it was.")
        break
    shutil.rmtree(copy.parent)


def _problems(
    folder: Path, path: Path, content: bytes, sources: Sources, today: date
) -> list[Problem]:
    """What is wrong with the draft, and with other files because of it."""
    from copilot.playbook.authoring.check import check

    file = path.relative_to(folder).as_posix()
    already = set(check(folder, sources, today).problems)
    now = check(folder, sources, today, {file: content}).problems
    return [each for each in now if each.file == file or each not in already]


def _asked(copy: Path) -> str:
    """What to do about the problems: keep, edit again or discard."""
    while True:
        try:
            answer = input("[k]eep as it is, [e]dit again, [d]iscard? ").strip().lower()[:1]
        except (EOFError, KeyboardInterrupt):
            print(f"\nNothing kept; your copy is {copy}.")
            raise typer.Exit(1) from None
        if answer in ("k", "e", "d"):
            return answer


def _open(copy: Path) -> None:
    """Open the copy in the editor and wait until it closes."""
    from copilot.settings import environment

    variables = environment()
    wanted = variables.get("VISUAL") or variables.get("EDITOR") or ""
    try:
        command = shlex.split(wanted)
    except ValueError as error:
        raise BadInput(f"EDITOR is {wanted!r}: {error}.", remedy="Close its quotes.") from error
    if not command:
        command = [found for name in _FALLBACKS if (found := shutil.which(name))][:1]
    if not command:
        raise BadInput(
            "there is no editor.", remedy="Set EDITOR, as in: EDITOR='code --wait' copilot …"
        )
    try:
        done = subprocess.run([*command, str(copy)], check=False)
    except OSError as error:
        raise BadInput(
            f"the editor {command[0]!r} cannot be run: {error}.",
            remedy="Set EDITOR to one that is.",
        ) from error
    if done.returncode:
        raise BadInput(
            f"the editor {command[0]!r} ended with {done.returncode}; nothing is kept.",
            remedy=f"Your copy is {copy}.",
        )
