"""The agent's tools: each a thin name on one search, limited by who asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, tool

from copilot.desk.keys import Role
from copilot.errors import NotFound
from copilot.jobs.answer import Citation, cite
from copilot.playbook.evidence import Audience, Evidence, Hit, Passage

# What a tool hands to the model besides its text. Plain data, since it is kept in checkpoints.
Artifact = dict[str, Any]

# Tools per role: a tool that is not listed does not exist for that role (design.md, "Who may do
# what").
TOOLS: dict[Role, tuple[str, ...]] = {
    "admin": ("search_playbook", "read_section"),
    "operator": ("search_playbook", "read_section"),
    "trainer": ("search_playbook", "read_section"),
    "bot": ("search_playbook", "read_section"),
}

# Passages handed to a model for one search, and for one section (nearest to the one asked for).
_SHOWN = 6
_SECTION = 12

# Passages shown to put a wrong premise right.
_PUT_RIGHT = 2


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Comes from the key or the session, never from a text."""

    role: Role
    audience: Audience


@dataclass(frozen=True, slots=True)
class Playbook:
    """The two ways into the playbook that tools may take."""

    judge: Callable[[str, Audience], Evidence]
    section: Callable[[str, Audience], list[Passage]]


def make(playbook: Playbook, role: Role) -> list[BaseTool]:
    """The tools of a role."""

    @tool(response_format="content_and_artifact")
    def search_playbook(query: str, runtime: ToolRuntime[Caller, Any]) -> tuple[str, Artifact]:
        """检索运营手册。query 写成一个完整、具体的问题（补全省略的主语），一次只查一件事。
        返回编号的段落，引用时使用这些编号；没有依据时会明确说明。"""
        evidence = playbook.judge(query, runtime.context.audience)
        artifact: Artifact = {
            "query": query,
            "enough": evidence.enough,
            "confidence": evidence.confidence,
            "reason": evidence.reason,
            "premise": evidence.premise,
            "hits": [_plain(hit) for hit in evidence.hits[:_SHOWN]] if evidence.enough else [],
        }
        if evidence.premise:
            artifact["hits"] = [_plain(hit) for hit in evidence.hits[:_PUT_RIGHT]]
            return (
                "问题里的说法和手册不一致：不要照这个前提回答。请说明手册里没有这个说法，"
                "并引用下面的原文说明手册是怎么写的。\n\n" + _show(runtime, artifact),
                artifact,
            )
        if not evidence.enough:
            return (
                "没有依据：手册里没有找到能回答这个问题的内容。请如实说明，并建议联系真人。",
                artifact,
            )
        return _show(runtime, artifact), artifact

    @tool(response_format="content_and_artifact")
    def read_section(passage_id: str, runtime: ToolRuntime[Caller, Any]) -> tuple[str, Artifact]:
        """阅读某个段落所在的整节内容。passage_id 取自 search_playbook 结果里的 id。"""
        passages = playbook.section(passage_id, runtime.context.audience)
        if not passages:
            raise NotFound(f"no passage {passage_id!r}.", remedy="Search for it first.")
        artifact: Artifact = {
            "query": "",
            "enough": True,
            "confidence": 1.0,
            "reason": "a section was asked for",
            "premise": False,
            "hits": [_plain(Hit(each, 0.0)) for each in _around(passages, passage_id)],
        }
        return _show(runtime, artifact), artifact

    made = {each.name: each for each in (search_playbook, read_section)}
    return [made[name] for name in TOOLS[role]]


def this_turn(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The messages since the person last spoke."""
    for place in range(len(messages) - 1, -1, -1):
        if isinstance(messages[place], HumanMessage):
            return list(messages[place:])
    return list(messages)


def artifacts(messages: Sequence[BaseMessage]) -> list[Artifact]:
    """What the tools found, in order, without those that failed."""
    return [
        message.artifact
        for message in messages
        if isinstance(message, ToolMessage) and isinstance(message.artifact, dict)
    ]


def gathered(messages: Sequence[BaseMessage]) -> list[Citation]:
    """Every passage that tools showed in this turn, by the number it was shown under.

    A passage that two calls showed at the same time has two numbers.
    """
    found: dict[int, Citation] = {}
    for artifact in artifacts(this_turn(messages)):
        for n, hit in zip(artifact.get("numbers", ()), artifact["hits"], strict=False):
            found.setdefault(n, cite(n, Passage(**hit["passage"])))
    return list(found.values())


def evidence_of(artifact: Artifact, question: str, audience: Audience) -> Evidence:
    """The evidence that a tool found, as the composer takes it."""
    hits = tuple(
        Hit(Passage(**hit["passage"]), hit["score"], hit["lexical"], hit["dense"])
        for hit in artifact["hits"]
    )
    return Evidence(
        question,
        audience,
        hits,
        artifact["enough"],
        artifact["confidence"],
        artifact["reason"],
        # Threads of earlier versions do not have it.
        artifact.get("premise", False),
    )


def _plain(hit: Hit) -> dict[str, Any]:
    plain = asdict(hit)
    plain["passage"]["asks"] = ()
    del plain["why"]
    return plain


def _around(passages: list[Passage], passage_id: str) -> list[Passage]:
    """The passages of a section nearest to the one asked for: a section may be a whole book."""
    place = next((i for i, each in enumerate(passages) if each.id == passage_id), 0)
    start = max(0, min(place - _SECTION // 2, len(passages) - _SECTION))
    return passages[start : start + _SECTION]


def _show(runtime: ToolRuntime[Caller, Any], artifact: Artifact) -> str:
    """The passages for the model, each under a number of its own, which the artifact keeps."""
    messages = runtime.state["messages"]
    known = {citation.id: citation.n for citation in gathered(messages)}
    # Calls of one message run at the same time and do not see each other: each has its own range.
    calls = next((m.tool_calls for m in reversed(messages) if isinstance(m, AIMessage)), [])
    place = next((i for i, call in enumerate(calls) if call["id"] == runtime.tool_call_id), 0)
    next_free = max(known.values(), default=0) + place * _SECTION + 1
    blocks = []
    for hit in artifact["hits"]:
        passage = hit["passage"]
        if passage["id"] not in known:
            known[passage["id"]] = next_free
            next_free += 1
        n = known[passage["id"]]
        artifact.setdefault("numbers", []).append(n)
        blocks.append(
            f"[{n}] 《{passage['title']}》{passage['section']}（id: {passage['id']}）\n"
            f"{passage['text']}"
        )
    return "\n\n".join(blocks)
