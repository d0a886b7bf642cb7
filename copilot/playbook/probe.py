"""Opens the vector index in a child process, where a crash harms nobody.

A damaged Chroma file can kill the interpreter with a segmentation fault (design.md), so the index
is first opened here: ``python -m copilot.playbook.probe FOLDER EMBEDDER < canaries.json``. Exit
status 0 means every canary came back; anything else means damage, with the reason on stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import TimeoutExpired, run

from copilot.errors import IndexDamaged
from copilot.playbook.evidence import Audience
from copilot.playbook.vectors import Canary, Vectors

_SECONDS = 120.0


def probe(folder: Path, embedder: str, canaries: Mapping[Audience, Canary]) -> None:
    """Check the index in a child process.

    Raises:
        IndexDamaged: the child found damage, crashed or hung.
    """
    sent = {audience: [canary.count, canary.vectors] for audience, canary in canaries.items()}
    try:
        child = run(
            # -P: a file of a library's name in the current folder must not be run.
            [sys.executable, "-P", "-m", "copilot.playbook.probe", str(folder), embedder],
            input=json.dumps(sent).encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except TimeoutExpired as error:
        raise IndexDamaged(f"the index did not open within {_SECONDS:.0f} s.") from error
    if child.returncode < 0:
        raise IndexDamaged(f"opening the index crashed with signal {-child.returncode}.")
    if child.returncode:
        lines = child.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise IndexDamaged(f"the index is damaged: {lines[-1]}")


def _main() -> int:
    folder, embedder = Path(sys.argv[1]), sys.argv[2]
    canaries: dict[Audience, Canary] = {
        audience: Canary(count, tuple(map(tuple, vectors)))
        for audience, (count, vectors) in json.load(sys.stdin).items()
    }
    try:
        Vectors(folder, embedder).check(canaries)
    except IndexDamaged as error:
        print(error.detail, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
