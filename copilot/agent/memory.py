"""Memory: what a conversation keeps, bounded, across restarts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState
from langchain_core.messages import BaseMessage, HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.runtime import Runtime


class ThreadSaver(SqliteSaver):
    """LangGraph's SQLite checkpointer, keeping only the latest checkpoint of each thread.

    The stock one keeps every checkpoint, each with the whole history: a megabyte a turn after fifty
    turns (design.md, "Known facts").
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA journal_mode=WAL")
        super().__init__(connection)
        self.setup()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint and forget the thread's older ones."""
        stored = super().put(config, checkpoint, metadata, new_versions)
        key = stored["configurable"]
        kept = (key["thread_id"], key["checkpoint_ns"], key["checkpoint_id"])
        with self.cursor() as cursor:
            for table in ("checkpoints", "writes"):
                cursor.execute(
                    f"DELETE FROM {table}"
                    " WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
                    kept,
                )
        return stored

    def close(self) -> None:
        """Close the file."""
        self.conn.close()


class Window(AgentMiddleware[AgentState[Any], Any]):
    """Forgets all but the last turns before the agent starts."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self._turns = turns

    def before_agent(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Remove what lies before the window."""
        del runtime
        old = forgotten(state["messages"], self._turns)
        if not old:
            return None
        return {"messages": [RemoveMessage(id=message.id) for message in old if message.id]}


def forgotten(messages: Sequence[BaseMessage], turns: int) -> Sequence[BaseMessage]:
    """The messages before the last ``turns`` turns; a turn begins when the person speaks."""
    starts = [place for place, each in enumerate(messages) if isinstance(each, HumanMessage)]
    return messages[: starts[-turns]] if len(starts) > turns else []
