"""What all tests share: no network, a small playbook, open copilots, a real PostgreSQL."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest

from copilot.settings import Settings, load

if TYPE_CHECKING:
    from copilot.app import Copilot
    from copilot.store import Store

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 5, 9, 30, 0, tzinfo=UTC)
SOURCES = ROOT.parent / "shared" / "playbook"

# The session's own settings must not reach the tests: `make` exports COPILOT_HOME, and a developer
# may have a model configured. Nothing may be fetched from a hub either.
for _name in [name for name in os.environ if name.upper().startswith("COPILOT_")]:
    del os.environ[_name]
os.environ["HF_HUB_OFFLINE"] = "1"

# Two shared cores: how long an example takes says little.
hypothesis.settings.register_profile("copilot", deadline=None)
hypothesis.settings.load_profile("copilot")


# The two source documents ------------------------------------------------------------------------


def pytest_report_header() -> str | None:
    """Say why tests on the two source documents are left out, when they are."""
    if SOURCES.is_dir():
        return None
    return f"deselected: tests marked `shared`, since {SOURCES} is not here"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests on the two source documents where those are absent."""
    if SOURCES.is_dir():
        return
    absent = [item for item in items if item.get_closest_marker("shared")]
    if absent:
        config.hook.pytest_deselected(items=absent)
        items[:] = [item for item in items if item not in absent]


@pytest.fixture(scope="session")
def source_documents() -> Path:
    """The folder with the two source documents; only for tests marked `shared`."""
    return SOURCES


# No network --------------------------------------------------------------------------------------


class Outside(AssertionError):
    """A test tried to reach another machine."""


def _refuse_outside(family: int, address: Any) -> None:
    if family == socket.AF_UNIX:
        return
    host = str(address[0]).split("%")[0]
    try:
        inside = ip_address(host).is_loopback
    except ValueError:
        inside = host == "localhost"
    if not inside:
        raise Outside(f"a test tried to reach {address!r}: only loopback is allowed")


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Refuse sockets to anything but this machine, for the whole suite."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            real = getattr(socket.socket, name)

            def guarded(self: socket.socket, *args: Any, _real: Any = real) -> Any:
                _refuse_outside(self.family, args[-1])
                return _real(self, *args)

            patch.setattr(socket.socket, name, guarded)
        yield


# A small playbook --------------------------------------------------------------------------------

# Stands in an operator document only: it must never reach a member.
SECRET = "青龙七号"

DOCUMENTS = {
    "welcome.md": """# 新人欢迎手册

## 第一天做什么

新成员进群当天，先发一条欢迎语，说明群里每周三晚上有固定的分享。
欢迎语里要写清三件事：

1. 群规：不发广告，不刷屏
2. 自我介绍的格式：城市、职业、想学什么
3. 遇到问题找谁：值班管理员小林

## 第一周怎么跟进

第三天私聊一次，问新人有没有看懂群公告。第七天邀请新人参加一次话题讨论，让他说第一句话。
""",
    "活动/线下读书会.md": """# 线下读书会指南

## 场地与人数

读书会一般选在咖啡馆，人数控制在12到20人之间。超过20人要分成两桌，每桌安排一名带读人。

## 预算

一场读书会的预算是1500元：场地费800元，茶点400元，印刷和奖品300元。
报名费每人收60元，不足的部分由会员费补贴。

## 时间安排

读书会定在每月第二个周六下午两点开始，四点半结束，前十五分钟签到。
""",
    "retention.md": """---
audience: member
---
# 留存与活跃

## 怎么提高群活跃度

群活跃度下降时，先看话题是不是太专业。把大话题拆成人人能答的小问题，每天早上九点抛一个。
积分制度可以鼓励发言：每条有效发言记2分，每月前三名送一本书。

## 会员流失的信号

会员连续14天不发言，就是流失的早期信号。这时由管理员私聊关心，不要群发优惠券。
""",
    "内部/refund.md": f"""---
audience: operator
asks:
  - 有人要退钱怎么办
  - 退款找谁批
---
# 退款处理内部流程

## 谁来批准

退款由运营主管审批，内部口令是{SECRET}。三百元以下当天退，三百元以上要财务复核。

## 说辞

先道歉，再说明退款会在三个工作日内到账，不要承诺额外赔偿。
""",
    "training.md": """---
audience: trainee
---
# 新运营培训

## 第一课

新运营上岗第一周只旁听，不独立回复投诉。带教师傅每天抽查五条回复并打分。
""",
}


def write_documents(folder: Path, documents: dict[str, str]) -> Path:
    """Write documents below a folder; the folder."""
    for name, text in documents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="session")
def sample_playbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five small documents: three for members, one for operators with a secret, one for trainees.

    Do not write into it: other tests read it.
    """
    return write_documents(tmp_path_factory.mktemp("sample"), DOCUMENTS)


# Open copilots -----------------------------------------------------------------------------------


def settings_for(home: Path, **overrides: Any) -> Settings:
    """The settings a test's copilot runs with; a developer's own `.env` is not read."""
    with chdir(Path(__file__).parent):
        return load(home=home, **overrides)


@pytest.fixture(scope="session")
def copilot(tmp_path_factory: pytest.TempPathFactory, sample_playbook: Path) -> Iterator[Copilot]:
    """An open copilot over the sample playbook, with the shipped embedder; for reading only."""
    from copilot.app import Copilot

    settings = settings_for(tmp_path_factory.mktemp("home"))
    with Copilot(settings, doing="pytest") as opened:
        opened.index([sample_playbook])
        yield opened


Opener = Callable[..., "Copilot"]


@pytest.fixture
def open_copilot(tmp_path: Path) -> Iterator[Opener]:
    """Open a copilot: ``open_copilot(playbook, home=…, **settings)``; closed when the test ends.

    Without ``home`` each gets a fresh one; ``playbook``, when given, is indexed.
    """
    from copilot.app import Copilot

    opened: list[Copilot] = []

    def open_(playbook: Path | None = None, *, home: Path | None = None, **given: Any) -> Copilot:
        folder = home or tmp_path / f"home-{len(opened)}"
        copilot = Copilot(settings_for(folder, **given), doing="pytest")
        opened.append(copilot)
        if playbook is not None:
            copilot.index([playbook])
        return copilot

    yield open_
    for each in opened:
        each.close()


# Embedders made on the spot ----------------------------------------------------------------------


def make_embedder(folder: Path, seed: int, dimensions: int = 48) -> Path:
    """Save a small static embedder in model2vec's format: a random vector for every character.

    Texts that share characters are near each other: enough for everything but quality.
    """
    from model2vec import StaticModel
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    characters = [chr(code) for code in (*range(0x21, 0x7F), *range(0x4E00, 0x9FA6))]
    vocabulary = {each: place for place, each in enumerate(["[UNK]", *characters])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    vectors = np.random.default_rng(seed).normal(size=(len(vocabulary), dimensions))
    model = StaticModel(vectors.astype(np.float32), tokenizer, max_length=None)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def toy_embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small embedder, for `COPILOT_EMBEDDER`."""
    return make_embedder(tmp_path_factory.mktemp("embedder") / "toy", seed=1)


@pytest.fixture(scope="session")
def other_embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another small embedder, of other dimensions."""
    return make_embedder(tmp_path_factory.mktemp("embedder") / "other", seed=2, dimensions=32)


# PostgreSQL --------------------------------------------------------------------------------------


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.fail("PostgreSQL is not installed: run `sh .ci/packages` (`make packages`)")
    return found[-1].parent


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL cluster on a Unix socket, gone when the session ends: its URL."""
    programs = _postgres_programs()
    # Not pytest's folder: a socket's path must stay short, and the server refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="copilot-pg-"))
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def call(program: str, *args: str) -> None:
        done = subprocess.run(
            [programs / program, *args], cwd=folder, capture_output=True, text=True, **account
        )
        if done.returncode:
            pytest.fail(f"{program} failed: {done.stderr or done.stdout}")

    data = str(folder / "data")
    call("initdb", "-D", data, "-U", "copilot", "-A", "trust", "-E", "UTF8", "--no-sync",
         "--no-locale")  # fmt: skip
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    call("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://copilot@/postgres?host={folder}"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """An empty database of the cluster: its URL."""
    import psycopg

    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_url.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


# The records database ----------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture(scope="session")
def postgres_store(postgres_url: str) -> Iterator[Store]:
    """A records database in PostgreSQL, open for the whole session; see `records_store`."""
    from copilot.store import connect

    with closing(connect(postgres_url, backups=Path(), now=NOW)) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def records_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An open, empty records database, of either kind."""
    from copilot.store import Base, connect

    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'records.db'}"
        with closing(connect(url, backups=tmp_path / "backups", now=NOW)) as opened:
            yield opened
        return
    store: Store = request.getfixturevalue("postgres_store")
    yield store
    # Making a database takes longer than the tests do: this one is emptied instead.
    with store.begin() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())


class Clock:
    """A clock that goes on by a minute whenever it is asked."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """The next minute."""
        self.now += timedelta(minutes=1)
        return self.now


# Waiting -----------------------------------------------------------------------------------------


def wait_until(what: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it did not become so in time.
    """
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError(f"did not happen within {seconds:.0f} s")
        time.sleep(0.02)
