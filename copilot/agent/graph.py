"""The LangChain agent: one graph, driven by the offline model or a configured one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    ToolErrorMiddleware,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)

from copilot.agent.guard import Guard
from copilot.agent.memory import ThreadSaver, Window, forgotten
from copilot.agent.policy import CITED, KIND, Kind, Policy, small_talk
from copilot.agent.tools import Caller, Playbook, artifacts, evidence_of, gathered, make
from copilot.desk.keys import Role
from copilot.errors import CopilotError
from copilot.jobs.answer import Answer, Citation, Similarity, cite, compose, in_script_of, sources
from copilot.language import strings
from copilot.models.offline import OfflineChatModel
from copilot.playbook.evidence import Audience, Evidence

# Model calls in one run. An endpoint that ignores `tool_choice` was once called 2 045 times
# (design.md, "Known facts").
_CALLS = 8


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool has been called with these arguments."""

    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delta:
    """A further piece of the answer's text; pieces add up to the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The whole answer, and the questions that found no evidence with the reason."""

    answer: Answer
    gaps: tuple[tuple[str, str], ...]


Event = ToolUse | Delta | Done


@dataclass(frozen=True, slots=True)
class Options:
    """How the agent is set up."""

    language: str
    turns: int
    retries: int
    prompts: Callable[[Audience], str]


class Agent:
    """Runs questions through the graph and yields what happens, checked."""

    def __init__(
        self,
        playbook: Playbook,
        similarity: Similarity,
        *,
        model: BaseChatModel | None,
        saver: ThreadSaver | None,
        options: Options,
    ) -> None:
        """Args:
        model: the configured model; ``None`` runs offline.
        saver: where threads are kept; ``None`` keeps none.
        """
        self._playbook = playbook
        self._similarity = similarity
        self._model = model
        self._options = options
        self._saver = saver
        self._graphs: dict[tuple[Role, Audience, bool], Any] = {}
        self._lock = threading.Lock()

    def _graph(self, caller: Caller, keeps: bool) -> Any:
        """The graph for a kind of caller, built when first needed."""
        key = (caller.role, caller.audience, keeps)
        with self._lock:
            if key not in self._graphs:
                self._graphs[key] = self._build(caller, self._saver if keeps else None)
            return self._graphs[key]

    def _build(self, caller: Caller, saver: ThreadSaver | None) -> Any:
        policy = Policy(
            self._similarity, lambda kind: self._say(kind, caller.audience), caller.audience
        )
        offline = OfflineChatModel(respond=policy.respond)
        middleware: list[AgentMiddleware[Any, Any]] = [
            Window(self._options.turns),
            ModelCallLimitMiddleware(run_limit=_CALLS, exit_behavior="end"),
            ToolErrorMiddleware(_explain),
        ]
        if self._model is not None:
            # The fallback lies outside the retries, which must raise for it to run.
            middleware += [
                ModelFallbackMiddleware(offline),
                ModelRetryMiddleware(
                    max_retries=self._options.retries, on_failure="error", initial_delay=0.5
                ),
                _SystemPrompt(self._options.prompts),
                _SmallTalk(offline),
            ]
        return create_agent(
            self._model or offline,
            make(self._playbook, caller.role),
            middleware=middleware,
            context_schema=Caller,
            checkpointer=saver,
        )

    def _say(self, kind: str, audience: Audience) -> str:
        reader = "member" if audience == "member" else "staff"
        return strings.text(f"answer.{kind}.{reader}", self._options.language)

    def run(
        self,
        question: str,
        caller: Caller,
        *,
        history: Sequence[BaseMessage] = (),
        thread: str | None = None,
    ) -> Iterator[Event]:
        """Answer a question.

        Args:
            history: what was said before, for callers that keep it themselves.
            thread: whose memory to use; ``None`` uses ``history`` alone.

        Yields:
            `ToolUse` and `Delta` events, then one `Done`.
        """
        keeps = thread is not None and self._saver is not None
        graph = self._graph(caller, keeps)
        config = self._config(thread, caller) if keeps else {}
        past = [] if keeps else list(history)
        past = past[len(forgotten(past, self._options.turns)) :]
        run = _Run(question)
        for mode, chunk in graph.stream(
            {"messages": [*past, HumanMessage(question)]},
            config,
            context=caller,
            stream_mode=["messages", "updates"],
            durability="exit" if keeps else None,
        ):
            yield from run.take(mode, chunk)
        spoken = run.spoken
        yield from self._finish(run, caller)
        if keeps and run.final is not None and run.text != spoken:
            # Memory holds what was said and cited, not what the guard held back.
            cited = {CITED: [citation.id for citation in run.guard.citations]}
            said = AIMessage(run.text, id=run.final.id, response_metadata=cited)
            graph.update_state(config, {"messages": [said]})

    @staticmethod
    def _config(thread: str | None, caller: Caller) -> dict[str, Any]:
        """Where a thread's memory is. Each audience has its own: it holds what tools found."""
        return {"configurable": {"thread_id": f"{caller.audience}:{thread}"}}

    def _finish(self, run: _Run, caller: Caller) -> Iterator[Event]:
        """Decide what the run comes to, and say the rest of it."""
        kind = run.kind
        found = artifacts(run.messages)
        if kind in ("greeting", "thanks", "about", "handoff"):
            text = str(run.final.content) if run.final else ""
            yield run.say(in_script_of(run.question, text))
            yield Done(Answer(run.question, run.text, (), 1.0, handoff=kind == "handoff"), ())
            return
        if not found:
            # A configured model spoke without looking: look for it.
            evidence = self._playbook.judge(run.question, caller.audience)
        else:
            enough = [artifact for artifact in found if artifact["enough"]]
            wrong = [artifact for artifact in found if artifact.get("premise")]
            chosen = (enough or wrong or found)[-1]
            query = chosen["query"] or run.question
            evidence = evidence_of(chosen, query, caller.audience)
        if evidence.enough:
            yield from self._supported(run, evidence)
        elif evidence.premise and (rest := run.guard.close()).strip():
            yield run.say(rest)
        degraded = self._model is not None and (run.offline or run.cut or run.composed)
        gaps = tuple((f["query"], f["reason"]) for f in found if not f["enough"])
        if not run.guard.citations:
            # Passages may pass the gate and yet say nothing, as one that only asks a question.
            gaps = gaps or ((evidence.question, evidence.reason),)
            text = self._say("refused", caller.audience)
            yield run.say(("\n\n" if run.text.strip() else "") + in_script_of(run.question, text))
            empty = Answer(run.question, run.text, (), evidence.confidence, True, True)
            yield Done(replace(empty, degraded=degraded), gaps)
            return
        language = self._options.language
        tail = "\n\n" + sources(run.guard.citations, strings.text("answer.source", language))
        if degraded:
            tail += "\n\n" + strings.text("answer.degraded", language)
        yield run.say(in_script_of(run.question, tail))
        # What puts a wrong premise right is cited, and yet no answer to what was asked.
        refused = bool(found) and not any(artifact["enough"] for artifact in found)
        answer = Answer(run.question, run.text, run.guard.citations, evidence.confidence, refused)
        yield Done(replace(answer, degraded=degraded), gaps)

    def _supported(self, run: _Run, evidence: Evidence) -> Iterator[Event]:
        """The rest of what the model said; when none of it is cited, what the passages say."""
        rest = run.guard.close()
        if rest.strip():
            yield run.say(rest)
        if run.guard.citations:
            return
        run.composed = True
        run.know(evidence)
        numbers = {citation.id: citation.n for citation in run.known()}
        body = compose(evidence, self._similarity, numbers)
        text = run.guard.feed(body) + run.guard.close()
        if text.strip():
            yield run.say(("\n\n" if run.text.strip() else "") + text)


class _Run:
    """What has happened in one run so far."""

    def __init__(self, question: str) -> None:
        self.question = question
        self.messages: list[BaseMessage] = [HumanMessage(question)]
        self.final: AIMessage | None = None
        self.text = ""
        self.guard = Guard(self.known)
        self._fed: set[str] = set()
        self._heard: set[str] = set()
        self._speaker = ""
        self._released = False
        # Whether a stream broke off after something was said, and whether the passages had to
        # speak for a model that said nothing it could support.
        self.cut = False
        self.composed = False
        self._extra: tuple[Citation, ...] = ()

    @property
    def kind(self) -> Kind | None:
        """What the offline model called its last message."""
        return self.final.response_metadata.get(KIND) if self.final else None

    @property
    def offline(self) -> bool:
        """Whether the offline model spoke last."""
        return bool(self.final and self.final.response_metadata.get("model_name") == "offline")

    @property
    def spoken(self) -> str:
        """What the model itself said last."""
        return str(self.final.text) if self.final else ""

    def known(self) -> list[Citation]:
        """The passages that may be cited."""
        return gathered(self.messages) or list(self._extra)

    def know(self, evidence: Evidence) -> None:
        """Let evidence be cited that no tool found."""
        self._extra = tuple(
            cite(place, hit.passage) for place, hit in enumerate(evidence.hits, start=1)
        )

    def say(self, text: str) -> Delta:
        """Say a piece of text."""
        self.text += text
        return Delta(text)

    def take(self, mode: str, chunk: Any) -> Iterator[Event]:
        """Take what the graph streams; what may be passed on of it."""
        if mode == "messages":
            message = chunk[0]
            if isinstance(message, AIMessageChunk) and message.text and self.known():
                self._fed.add(str(message.id))
                yield from self._feed(str(message.id), str(message.text))
            return
        for node, update in chunk.items():
            for message in (update or {}).get("messages", ()):
                self.messages.append(message)
                if not isinstance(message, AIMessage) or node != "model":
                    # The middleware that stops endless calls speaks English, not from passages.
                    continue
                self._heard.add(str(message.id))
                for call in message.tool_calls:
                    yield ToolUse(call["name"], call["args"])
                if not message.tool_calls:
                    self.final = message
                    if str(message.id) not in self._fed and self.known():
                        yield from self._feed(str(message.id), str(message.text))

    def _feed(self, speaker: str, text: str) -> Iterator[Event]:
        """Let checked statements out; half a statement of an earlier message is forgotten.

        When a stream was cut after something of it had been said, whoever takes over is not heard:
        the same answer would be told twice.
        """
        if speaker != self._speaker:
            self.guard.discard()
            if self._released and self._speaker not in self._heard:
                self.cut = True
            self._speaker, self._released = speaker, False
        if self.cut:
            return
        passed = self.guard.feed(text)
        if passed:
            self._released = True
            yield self.say(passed)


class _SystemPrompt(AgentMiddleware[Any, Any]):
    """Puts the prompt of the reader in front; it is never kept in memory."""

    def __init__(self, prompts: Callable[[Audience], str]) -> None:
        super().__init__()
        self._prompts = prompts

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Call the model with the prompt."""
        prompt = self._prompts(request.runtime.context.audience)
        return handler(request.override(system_message=SystemMessage(prompt)))


class _SmallTalk(AgentMiddleware[Any, Any]):
    """Has small talk and wishes for a person answered from the catalogue, whatever the model."""

    def __init__(self, offline: BaseChatModel) -> None:
        super().__init__()
        self._offline = offline

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Let the offline model speak where there is nothing to look up."""
        last = request.messages[-1]
        if isinstance(last, HumanMessage) and small_talk(str(last.text)):
            return handler(request.override(model=self._offline))
        return handler(request)


def _explain(error: Exception, *_: Any) -> str | None:
    """An expected error as a message the model can act on; others stop the run."""
    if isinstance(error, CopilotError):
        return f"{type(error).__name__}: {error}"
    return None
