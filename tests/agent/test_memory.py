"""Memory: the last turns of each thread, one checkpoint each, on disk."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage

from copilot.agent.memory import ThreadSaver, Window, forgotten
from copilot.models.offline import OfflineChatModel


def turns(count: int) -> list[BaseMessage]:
    return [
        message
        for n in range(count)
        for message in (
            HumanMessage(f"问{n}"),
            ToolMessage("找到", tool_call_id="x"),
            AIMessage("答"),
        )
    ]


@pytest.mark.parametrize(("count", "kept", "left"), [(0, 3, 0), (3, 3, 3), (4, 3, 3), (9, 1, 1)])
def test_only_the_last_turns_are_kept(count: int, kept: int, left: int) -> None:
    messages = turns(count)
    rest = messages[len(forgotten(messages, kept)) :]
    assert sum(isinstance(each, HumanMessage) for each in rest) == left
    assert not rest or isinstance(rest[0], HumanMessage)


def build(saver: ThreadSaver, seen: list[int], keep: int = 3):
    def respond(messages: list[AnyMessage], tools: tuple[str, ...]) -> AIMessage:
        seen.append(sum(isinstance(each, HumanMessage) for each in messages))
        return AIMessage(f"第{len(seen)}个回答")

    model = OfflineChatModel(respond=respond)
    return create_agent(model, [], middleware=[Window(keep)], checkpointer=saver)


def say(agent, thread: str, text: str) -> None:
    config = {"configurable": {"thread_id": thread}}
    agent.invoke({"messages": [HumanMessage(text)]}, config, durability="exit")


def test_the_model_sees_a_bounded_window(tmp_path: Path) -> None:
    seen: list[int] = []
    with closing(ThreadSaver(tmp_path / "threads.db")) as saver:
        agent = build(saver, seen)
        for n in range(8):
            say(agent, "a", f"问{n}")
    assert seen == [1, 2, 3, 3, 3, 3, 3, 3]


def test_each_thread_keeps_one_checkpoint(tmp_path: Path) -> None:
    with closing(ThreadSaver(tmp_path / "threads.db")) as saver:
        agent = build(saver, [])
        for n in range(6):
            say(agent, "a", f"问{n}")
            say(agent, "b", f"问{n}")
        (count,) = saver.conn.execute("SELECT count(*) FROM checkpoints").fetchone()
        assert count == 2
        threads = {row[0] for row in saver.conn.execute("SELECT thread_id FROM checkpoints")}
        assert threads == {"a", "b"}


def test_threads_survive_a_restart_and_know_nothing_of_each_other(tmp_path: Path) -> None:
    for _ in range(2):
        with closing(ThreadSaver(tmp_path / "threads.db")) as saver:
            say(build(saver, []), "a", "问")
    seen: list[int] = []
    with closing(ThreadSaver(tmp_path / "threads.db")) as saver:
        agent = build(saver, seen)
        say(agent, "a", "再问")
        say(agent, "b", "另问")
    assert seen == [3, 1]
