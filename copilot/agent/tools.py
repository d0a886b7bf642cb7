"""The agent's tools: each a thin name on one search, limited by who asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langchain.tools import ToolRuntime
from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage
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

# Passages handed to a model for one search.
_SHOWN = 6


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
            "hits": [_plain(hit) for hit in evidence.hits[:_SHOWN]] if evidence.enough else [],
        }
        if not evidence.enough:
            return (
                "没有依据：手册里没有找到能回答这个问题的内容。请如实说明，并建议联系真人。",
                artifact,
            )
        return _show(runtime.state["messages"], artifact), artifact

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
            "hits": [_plain(Hit(passage, 0.0)) for passage in passages],
        }
        return _show(runtime.state["messages"], artifact), artifact

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
    """Every passage that tools showed in this turn, numbered in the order shown."""
    found: dict[str, Citation] = {}
    for artifact in artifacts(this_turn(messages)):
        for hit in artifact["hits"]:
            passage = Passage(**hit["passage"])
            if passage.id not in found:
                found[passage.id] = cite(len(found) + 1, passage)
    return list(found.values())


def evidence_of(artifact: Artifact, question: str, audience: Audience) -> Evidence:
    """The evidence that a tool found, as the composer takes it."""
    hits = tuple(
        Hit(Passage(**hit["passage"]), hit["score"], hit["lexical"], hit["dense"])
        for hit in artifact["hits"]
    )
    return Evidence(
        question, audience, hits, artifact["enough"], artifact["confidence"], artifact["reason"]
    )


def _plain(hit: Hit) -> dict[str, Any]:
    plain = asdict(hit)
    plain["passage"]["asks"] = ()
    return plain


def _show(messages: Sequence[BaseMessage], artifact: Artifact) -> str:
    """The passages for the model, numbered after those that earlier calls of the turn showed."""
    known = {citation.id: citation.n for citation in gathered(messages)}
    blocks = []
    for hit in artifact["hits"]:
        passage = hit["passage"]
        n = known.setdefault(passage["id"], len(known) + 1)
        blocks.append(
            f"[{n}] 《{passage['title']}》{passage['section']}（id: {passage['id']}）\n"
            f"{passage['text']}"
        )
    return "\n\n".join(blocks)
