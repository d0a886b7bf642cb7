"""kill -9 at any moment of `copilot index`: the next run finishes, nothing lost or doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from copilot import store
from copilot.app import folder as shipped
from copilot.language import segment
from copilot.models import embedder
from copilot.playbook.evidence import AUDIENCES, Passage
from copilot.playbook.records import Records
from copilot.settings import environment
from tests.conftest import NOW, wait_until
from tests.playbook.passages_made import agrees

KILLS = 50

# Imports once, then runs `copilot index` in forks: what is killed is the command itself, only the
# 2 s that Python takes to import are not repeated 50 times.
FORKS = """
import json, os, random, signal, sys, time
from pathlib import Path
import chromadb, copilot.app, copilot.cli.main, copilot.playbook.ingest

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
chance = random.Random(20260305)

def write(n, turn):
    parts = [f"# 第{n}份资料"]
    for section in range(3):
        mark = turn if section == chance.randrange(3) else 0
        parts.append(f"## 第{section}节\\n\\n这是第{n}份资料的第{section}节，第{mark}次修改。活动要提前通知。")
    head = "---\\naudience: operator\\n---\\n" if (n + turn) % 7 == 0 else ""
    (folder / f"{n:02}.md").write_text(head + "\\n\\n".join(parts), "utf-8")

def change(turn):
    for n in chance.sample(range(12), 4):
        write(n, turn)
    for n in chance.sample(range(12), 1):
        (folder / f"{n:02}.md").unlink(missing_ok=True)

def run():
    pid = os.fork()
    if pid == 0:
        os.setsid()
        sys.argv = ["copilot", "index", str(folder), "--json"]
        sys.stdout = sys.stderr = open(os.devnull, "w")
        try:
            copilot.cli.main.main()
        except SystemExit as end:
            os._exit(end.code or 0)
        os._exit(0)
    return pid

for n in range(12):
    write(n, 0)
started = time.monotonic()
assert os.waitpid(run(), 0)[1] == 0
whole = time.monotonic() - started
sessions, ended, statuses = [], 0, []
for turn in range(1, kills + 1):
    change(turn)
    pid = run()
    sessions.append(pid)
    time.sleep(chance.uniform(0, whole))
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    ended += not os.WIFSIGNALED(status)
    statuses.append(status)
print(json.dumps({"sessions": sessions, "ended": ended, "statuses": statuses, "whole": whole}))
"""


def index(folder: Path, home: Path, toy: Path) -> list[dict[str, object]]:
    """Run `copilot index` to its end; what it says of each file."""
    done = subprocess.run(
        [sys.executable, "-c", "from copilot.cli.main import main; main()", "index", str(folder),
         "--json"],
        env=environment() | {"COPILOT_HOME": str(home), "COPILOT_EMBEDDER": str(toy)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def passages(home: Path) -> list[Passage]:
    url = f"sqlite:///{home / 'records.db'}"
    with closing(store.connect(url, backups=home, now=NOW)) as opened:
        records = Records(opened)
        found = records.passages(list(records.digests()), AUDIENCES)
    return sorted(found.values(), key=lambda each: (each.source, each.position))


@pytest.mark.timeout(600)
def test_fifty_kills_lose_and_double_nothing(tmp_path: Path, toy_embedder: Path) -> None:
    folder, home = tmp_path / "docs", tmp_path / "home"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FORKS, str(folder), str(KILLS)],
        env=environment() | {"COPILOT_HOME": str(home), "COPILOT_EMBEDDER": str(toy_embedder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # Runs that end before they are killed must end well; most must have been killed.
    assert [status for status in told["statuses"] if os.WIFEXITED(status) and status] == []
    assert told["ended"] < KILLS / 2

    reports = index(folder, home, toy_embedder)
    assert {report["status"] for report in reports} <= {"read", "unchanged", "removed"}
    assert {report["status"] for report in index(folder, home, toy_embedder)} == {"unchanged"}

    fresh = tmp_path / "fresh"
    index(folder, fresh, toy_embedder)
    assert passages(home) == passages(fresh)
    assert len(passages(home)) == 3 * len(list(folder.iterdir()))
    url = f"sqlite:///{home / 'records.db'}"
    # As the command did: words cut by other rules would be built anew.
    segment.configure((shipped("knowledge") / "dictionary.txt").read_text("utf-8").splitlines())
    with closing(store.connect(url, backups=home, now=NOW)) as opened:
        agrees(home / "index", Records(opened), embedder.load(str(toy_embedder)).name)

    def orphans() -> list[int]:
        return [pid for pid in psutil.pids() if session(pid) in told["sessions"]]

    wait_until(lambda: not orphans())


def session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0
