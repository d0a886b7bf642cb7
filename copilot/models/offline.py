"""A chat model like any other that needs no network: a function decides what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

Respond = Callable[[list[BaseMessage], tuple[str, ...]], AIMessage]

# What a stream hands out at once: a sentence, or a line.
_PIECE = re.compile(r"[^。！？!?\n]*(?:[。！？!?]+|\n+|$)")


class OfflineChatModel(BaseChatModel):
    """Runs the agent's graph without a language model.

    ``respond`` gets the messages and the names of the bound tools and returns the next message: a
    text, or calls of those tools. What it says is up to the room that makes the model.
    """

    respond: Respond

    @property
    def _llm_type(self) -> str:
        return "copilot-offline"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Remember the tools' names; ``tool_choice`` is left to ``respond``."""
        del tool_choice
        names = tuple(convert_to_openai_tool(tool)["function"]["name"] for tool in tools)
        return self.bind(tools=names, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager
        message = self.respond(messages, tuple(kwargs.get("tools", ())))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del stop
        message = self.respond(messages, tuple(kwargs.get("tools", ())))
        for chunk in _chunks(message):
            piece = ChatGenerationChunk(message=chunk)
            if run_manager is not None:
                run_manager.on_llm_new_token(str(chunk.content), chunk=piece)
            yield piece


def _chunks(message: AIMessage) -> Iterator[AIMessageChunk]:
    """The message in pieces that add up to it."""
    for text in _PIECE.findall(str(message.content)):
        if text:
            yield AIMessageChunk(content=text)
    yield AIMessageChunk(
        content="",
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        tool_call_chunks=[
            tool_call_chunk(
                name=call["name"],
                args=json.dumps(call["args"], ensure_ascii=False),
                id=call["id"],
                index=place,
            )
            for place, call in enumerate(message.tool_calls)
        ],
    )
