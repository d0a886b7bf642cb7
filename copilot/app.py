"""The house: one of each room, wired once; its methods are the verbs.

Over 500 lines because each verb is a method of the one house, a few lines and a docstring long.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from copilot.agent.graph import Agent, Done, Event, Options
from copilot.agent.memory import ThreadSaver
from copilot.agent.tools import Caller, Playbook
from copilot.desk.gaps import Gaps
from copilot.desk.journal import Entry, Journal
from copilot.desk.keys import Keys
from copilot.errors import BadInput, HomeLocked, ModelError, SettingsError
from copilot.jobs import expand as expansion
from copilot.jobs.answer import BODY, Answer
from copilot.language import glossary, normalize, segment, tokens
from copilot.language.glossary import Glossary
from copilot.models import chat, embedder, prompts, reranker
from copilot.models.prompts import Prompt
from copilot.playbook import ingest, outside
from copilot.playbook.asks import Asks, Changed
from copilot.playbook.evidence import VISIBLE, Audience, Evidence, Hit, Passage
from copilot.playbook.gate import Gate
from copilot.playbook.index import Health, Index
from copilot.playbook.ingest import FileReport
from copilot.playbook.outside import Outside
from copilot.playbook.probe import Probe
from copilot.playbook.read import Limits
from copilot.playbook.records import Records, Root
from copilot.playbook.search import Searcher
from copilot.settings import Settings
from copilot.store import connect

log = logging.getLogger(__name__)

# Longest question taken, in characters: a long paste is a document, not a question.
LONGEST_QUESTION = 4000

# Hits the gate and the composer look at.
_HITS = 8

# Seconds between two canary queries while serving.
_CANARY_SECONDS = 300.0

_READERS = {
    "member": "社群成员",
    "operator": "社群运营者",
    "trainee": "正在培训的新运营",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and from whom it comes."""

    question: str
    caller: Caller
    door: str
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Replied:
    """An answer and the id under which the journal keeps it (for ratings)."""

    answer: Answer
    id: str


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What became of every file, by root, and how long it took (seconds).

    ``audiences`` says for each root who may be answered from files that do not say it themselves.
    """

    files: dict[str, list[FileReport]]
    audiences: dict[str, Audience]
    passages: int
    embedded: int
    seconds: float


def _now() -> datetime:
    return datetime.now(UTC)


class Copilot:
    """Everything the copilot can do; the doors only translate.

    Thread-safe. Holds an exclusive lock on its home for as long as it is open.
    """

    def __init__(
        self, settings: Settings, *, doing: str, clock: Callable[[], datetime] = _now
    ) -> None:
        """Open the home, repairing what a crash left behind.

        Args:
            doing: what this process is for; shown to a second process that finds the home taken.

        Raises:
            HomeLocked: another process holds the home.
            StoreError: the records cannot be opened.
            SettingsError: a setting cannot be used.
            EmbedderError: the embedder cannot be loaded.
        """
        self.settings = settings
        with ExitStack() as stack:
            stack.callback(lock_home(settings.home, doing).release)
            self._open(clock, stack)
            self._closing = stack.pop_all()

    def _open(self, clock: Callable[[], datetime], stack: ExitStack) -> None:
        settings = self.settings
        # It gets ready while the embedder and the words are loaded.
        child = Probe() if (settings.home / "index" / "chroma").exists() else None
        if child is not None:
            stack.callback(child.discard)
        self._store = connect(settings.records_url, backups=settings.home / "backups", now=clock())
        stack.callback(self._store.close)
        self._records = Records(self._store)
        self.keys = Keys(self._store, clock)
        self.gaps = Gaps(self._store, clock)
        self.journal = Journal(self._store, clock)
        tokens.configure(settings.tiktoken_cache_dir)
        _take_dictionary(folder("knowledge") / "dictionary.txt")
        self._embedder = embedder.load(settings.embedder)
        self._index = Index(
            settings.home / "index",
            self._records,
            self._embedder,
            child,
            reference=_whole(settings.embedder),
        )
        stack.callback(self._index.close)
        self._searcher = Searcher(
            self._records, self._index, _glossary(settings.home), reranker.load(settings.reranker)
        )
        known = outside.read(folder("knowledge") / "outside.jsonl")
        self.gate = Gate(
            settings.gate, Outside(known, lambda: self._index.embedder), self._index.heard
        )
        self._saver = ThreadSaver(settings.home / "threads.db")
        stack.callback(self._saver.close)
        self._threads = [threading.Lock() for _ in range(64)]
        self._stop = threading.Event()
        self.prompt = prompts.load(folder("prompts"), "agent")
        model = (
            chat.configured(
                settings.model,
                base_url=settings.model_base_url,
                api_key=settings.model_api_key.get_secret_value(),
                timeout=settings.model_timeout,
            )
            if settings.model
            else None
        )
        self._agent = Agent(
            Playbook(self.evidence, self.section),
            self._similarity,
            model=model,
            saver=self._saver,
            options=Options(
                settings.language, settings.memory_turns, settings.model_retries, self._prompt
            ),
        )

    def _prompt(self, audience: Audience) -> str:
        return self.prompt.render(
            reader=_READERS[audience],
            language="简体中文" if self.settings.language == "zh" else "English",
            limit=str(BODY[audience]),
        )

    def _similarity(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        vectors = self._embedder.encode([question, *texts])
        return [float(x) for x in vectors[1:] @ vectors[0]]

    # The playbook --------------------------------------------------------------------------------

    def index(
        self,
        paths: Sequence[Path],
        audience: Audience | None = None,
        progress: ingest.Progress | None = None,
    ) -> IndexReport:
        """Index files or folders; without any, bring every root already known up to date.

        Args:
            audience: who may be answered from files that do not say it themselves. ``None`` leaves
                a known root as it is; a new one is for members (docs/decisions/0007).

        Raises:
            BadInput: a path does not exist, or nothing has been indexed yet and none is given.
        """
        started = time.monotonic()
        for path in paths:
            if not path.exists():
                raise BadInput(f"{str(path)!r} does not exist.", remedy="Name a file or a folder.")
        known = {root.path: root.audience for root in self.roots()}
        named = dict.fromkeys(str(path.resolve()) for path in paths)
        chosen = [Root(path, audience or known.get(path, "member")) for path in named or known]
        if not chosen:
            raise BadInput(
                "nothing has been indexed yet.",
                remedy="Name a file or a folder: copilot index PATH…",
            )
        limits = Limits(
            seconds=self.settings.read_seconds,
            memory_mb=self.settings.read_memory_mb,
            file_mb=self.settings.read_file_mb,
        )
        files: dict[str, list[FileReport]] = {}
        for root in chosen:
            if not Path(root.path).exists():
                # An unmounted disk must not empty the playbook.
                reason = f"gone; forget it with: copilot index --remove {root.path}"
                files[root.path] = [FileReport("", "failed", reason)]
                continue
            files[root.path] = ingest.ingest(
                Path(root.path),
                root.audience,
                self._records,
                self._embedder,
                limits=limits,
                workers=self.settings.read_workers,
                progress=progress,
            )
        embedded = sum(report.embedded for reports in files.values() for report in reports)
        embedded += self._index.embed(progress)
        self._index.sync()
        return IndexReport(
            files,
            {root.path: root.audience for root in chosen},
            self._records.count(),
            embedded,
            time.monotonic() - started,
        )

    def remove(self, path: Path) -> int:
        """Forget a root and everything read from it; the number of documents.

        Raises:
            NotFound: it is not indexed.
        """
        count = self._records.remove_root(str(path.resolve()))
        self._index.sync()
        return count

    def roots(self) -> list[Root]:
        """What is indexed."""
        return self._records.roots()

    def search(self, question: str, audience: Audience, k: int = 8) -> list[Hit]:
        """The passages nearest to a question, best first."""
        return self._searcher.search(_checked(question), audience, k)

    def evidence(self, question: str, audience: Audience) -> Evidence:
        """Search and judge whether what was found is enough to answer."""
        hits = self._searcher.search(question, audience, _HITS)
        return self.gate.judge(question, audience, hits)

    def section(self, passage_id: str, audience: Audience) -> list[Passage]:
        """The whole section around a passage.

        Raises:
            NotFound: no such passage for this audience.
        """
        return self._records.section(passage_id, VISIBLE[audience])

    # Asks ----------------------------------------------------------------------------------------

    @cached_property
    def asks(self) -> Asks:
        """How people ask for passages: what is there. What changes them is below."""
        return Asks(self._store, self._records)

    def plan_asks(self, paths: Sequence[Path] = (), limit: int | None = None) -> expansion.Plan:
        """The passages a model is to write asks for, and about what that costs.

        Args:
            paths: the roots whose passages; none means all that is indexed.
            limit: at most so many passages.

        Raises:
            SettingsError: no model is configured.
        """
        expansion.check_model(self.settings.model)
        roots = [str(path.resolve()) for path in paths] or [root.path for root in self.roots()]
        passages, waiting = self.asks.unasked(roots, limit)
        prompt, system = _expand_prompt()
        return expansion.plan(passages, waiting, system, prompt.label)

    def expand(self, plan: expansion.Plan, tell: Callable[[expansion.Expanded], None]) -> None:
        """Have the configured model write asks for the passages of a plan, and keep them.

        Each passage's are kept at once: whatever ends this, the next plan goes on from there. The
        index follows at the end, or when the home is opened again.

        Args:
            tell: called with what became of each passage.

        Raises:
            SettingsError: no model is configured, or it cannot be used.
            ModelError: the model fails again and again.
        """
        write = self._write_asks()
        kept = 0
        try:
            for done in expansion.expand(plan.passages, write):
                kept += self._records.add_asks(done.passage.id, done.asks, "model")
                log.info(
                    "passage %s: %d asks by %s %s",
                    done.passage.id, len(done.asks), self.settings.model, plan.label,
                )  # fmt: skip
                tell(done)
        finally:
            if kept:
                self._index.sync()

    def _write_asks(self) -> expansion.Write:
        """What sends the configured model one passage."""
        settings = self.settings
        expansion.check_model(settings.model)
        model = chat.configured(
            settings.model,
            base_url=settings.model_base_url,
            api_key=settings.model_api_key.get_secret_value(),
            timeout=settings.model_timeout,
        ).with_retry(stop_after_attempt=1 + settings.model_retries)
        system = SystemMessage(_expand_prompt()[1])

        def write(passage: Passage) -> str:
            try:
                return str(model.invoke([system, HumanMessage(expansion.data(passage))]).text)
            except Exception as error:  # each provider raises its own kinds
                raise ModelError(
                    f"the model did not answer: {' '.join(str(error).split())}",
                    remedy="Check COPILOT_MODEL, its key, its base URL and the network.",
                ) from error

        return write

    def change_asks(
        self, passage_id: str, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> Changed:
        """Add ways a person says people ask for a passage, and take added ones away.

        Raises:
            BadInput: one to add is blank or too long; then nothing is changed.
            NotFound: no such passage, or none of its added asks is one to take away; likewise.
        """
        changed = self.asks.change(passage_id, add, remove)
        if changed.added or changed.removed:
            self._index.sync()
        return changed

    # Talk ----------------------------------------------------------------------------------------

    def stream(
        self, asked: Asked, history: Sequence[BaseMessage] = ()
    ) -> Iterator[Event | Replied]:
        """Answer through the agent: events as they come, at last the answer with its journal id.

        Raises:
            BadInput: the question is empty or far too long.
        """
        question = _checked(asked.question)
        guard = partial(self._threads.__getitem__, hash(asked.thread) % 64)
        lock = guard() if asked.thread is not None else threading.Lock()
        with lock:
            for event in self._agent.run(
                question, asked.caller, history=history, thread=asked.thread
            ):
                if isinstance(event, Done):
                    yield self._conclude(asked, event)
                else:
                    yield event

    def _conclude(self, asked: Asked, done: Done) -> Replied:
        for question, reason in done.gaps:
            self.gaps.log(question, asked.caller.audience, reason)
        answer = done.answer
        offline = not self.settings.model or answer.degraded
        id_ = self.journal.write(
            Entry(
                door=asked.door,
                role=asked.caller.role,
                thread=asked.thread or "",
                question=answer.question,
                answer=answer.text,
                passages=[citation.id for citation in answer.citations],
                refused=answer.refused,
                degraded=answer.degraded,
                model="offline" if offline else f"{self.settings.model} {self.prompt.label}",
                confidence=answer.confidence,
            )
        )
        return Replied(answer, id_)

    def ask(self, asked: Asked, history: Sequence[BaseMessage] = ()) -> Replied:
        """Answer through the agent.

        Raises:
            BadInput: the question is empty or far too long.
        """
        replied: Replied | None = None
        for event in self.stream(asked, history):
            if isinstance(event, Replied):
                replied = event
        assert replied is not None, "a run ends with an answer"
        return replied

    # The house itself ----------------------------------------------------------------------------

    def health(self) -> Health:
        """How the index is."""
        return self._index.health()

    def wait(self) -> None:
        """Wait until a rebuild of the index under way is done."""
        self._index.wait()

    @property
    def embedder_name(self) -> str:
        """Which embedder is in use."""
        return self._embedder.name

    def documents(self) -> list[tuple[str, str, str, dict[str, object]]]:
        """(root, source, title, cleaning report) of every document."""
        return self._records.reports()

    def watch(self) -> None:
        """Ask the canaries every few minutes, in a thread, until closed."""

        def check() -> None:
            while not self._stop.wait(_CANARY_SECONDS):
                self._index.check()

        threading.Thread(target=check, name="canary", daemon=True).start()

    def close(self) -> None:
        """Close everything and release the home; closing again does nothing."""
        self._stop.set()
        self._closing.close()

    def __enter__(self) -> Copilot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def lock_home(home: Path, doing: str) -> FileLock:
    """Take the home for this process alone; the lock dies with the process.

    Raises:
        HomeLocked: another process has it; the message says which.
        SettingsError: the folder cannot be made or written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        # Not one per thread: who closes the copilot need not be who opened it.
        lock = FileLock(home / "lock", thread_local=False)
        lock.acquire(timeout=0)
    except Timeout as error:
        try:
            owner = json.loads((home / "owner.json").read_text("utf-8"))
            who = f"`{owner['doing']}` (process {owner['pid']})"
        except (OSError, ValueError, KeyError):
            who = "another process"
        raise HomeLocked(
            f"{str(home)!r} is in use by {who}.",
            remedy="Stop it first, use its API, or set COPILOT_HOME to another folder.",
        ) from error
    except OSError as error:
        raise SettingsError(
            f"the home {str(home)!r} cannot be used: {error}.",
            remedy="Set COPILOT_HOME to a folder you may write.",
        ) from error
    (home / "owner.json").write_text(json.dumps({"pid": os.getpid(), "doing": doing}), "utf-8")
    return lock


def folder(name: str) -> Path:
    """A folder that ships with the copilot: beside the package in a wheel, beside it in a clone."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def _whole(reference: str) -> str:
    """What an embedder is loaded by, so that it can be from another folder, too."""
    path = Path(reference).expanduser()
    return str(path.resolve()) if path.is_dir() else reference


def _expand_prompt() -> tuple[Prompt, str]:
    """The prompt that has asks written, and how it reads filled in."""
    prompt = prompts.load(folder("prompts"), "expand")
    return prompt, prompt.render(count=str(expansion.ASKS), longest=str(expansion.LONGEST))


def _glossary(home: Path) -> Glossary:
    """The glossary that ships with the copilot, and the operator's own in the home, if any."""
    paths = [folder("knowledge") / "glossary.csv", home / "glossary.csv"]
    return Glossary(group for path in paths if path.is_file() for group in glossary.read(path))


def _take_dictionary(path: Path) -> None:
    """Let the operator's own terms be words, where there is such a file."""
    if path.is_file():
        segment.configure(path.read_text("utf-8").splitlines())


def _checked(question: str) -> str:
    question = normalize.clean(question).strip()
    if not question:
        raise BadInput("the question is empty.", remedy="Ask something.")
    if len(question) > LONGEST_QUESTION:
        raise BadInput(
            f"the question has {len(question)} characters, more than {LONGEST_QUESTION}.",
            remedy="Shorten it; index a long text instead: copilot index FILE.",
        )
    return question
