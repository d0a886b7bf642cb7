"""Opens the vector index in a child process, where a crash harms nobody.

A damaged Chroma file can kill the interpreter with a segmentation fault (design.md), so the index
is first opened here. The child is told what to look at on its standard input and imports its
libraries while it waits. Exit status 0 means every canary came back; anything else means damage,
with the reason on stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

from copilot.errors import IndexDamaged
from copilot.playbook.vectors import Canary, Vectors

_SECONDS = 120.0


class Probe:
    """A child process that is ready, or getting ready, to open an index."""

    def __init__(self) -> None:
        self._child = Popen(
            # -P: a file of a library's name in the current folder must not be run.
            [sys.executable, "-P", "-m", "copilot.playbook.probe"],
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=PIPE,
        )

    def check(self, folder: Path, canaries: Mapping[str, Canary]) -> None:
        """Open an index and ask its collections for their canaries. The child ends with it.

        Raises:
            IndexDamaged: the child found damage, crashed or hung.
        """
        asked = {name: [canary.count, canary.vectors] for name, canary in canaries.items()}
        sent = {"folder": str(folder), "canaries": asked}
        try:
            _, told = self._child.communicate(json.dumps(sent).encode(), timeout=_SECONDS)
        except TimeoutExpired as error:
            self.discard()
            raise IndexDamaged(f"the index did not open within {_SECONDS:.0f} s.") from error
        code = self._child.returncode
        if code < 0:
            raise IndexDamaged(f"opening the index crashed with signal {-code}.")
        if code:
            lines = told.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
            raise IndexDamaged(f"the index is damaged: {lines[-1]}")

    def discard(self) -> None:
        """End the child without asking it anything."""
        if self._child.returncode is None:
            self._child.kill()
            self._child.communicate()


def _main() -> int:
    told = json.load(sys.stdin)
    canaries = {
        name: Canary(count, tuple(map(tuple, vectors)))
        for name, (count, vectors) in told["canaries"].items()
    }
    try:
        Vectors(Path(told["folder"])).check(canaries)
    except IndexDamaged as error:
        print(error.detail, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
