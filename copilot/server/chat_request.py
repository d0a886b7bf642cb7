"""Chat completion requests as bots really send them, and what they ask for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect

from copilot.errors import BadInput
from copilot.language import normalize, tokens
from copilot.playbook.evidence import Audience
from copilot.server.auth import Person

# One model per persona; the key's role decides what it may reach.
MODELS: dict[str, Audience] = {
    "community-qa": "member",
    "community-ops": "operator",
    "community-trainer": "trainee",
}

# Of the request's own history: messages that are looked at, and characters of each. A bot may send
# all that was ever said; a question leans on what came last.
_MESSAGES = 24
_CHARACTERS = 2000

# Longest model name that is echoed.
_NAME = 200


class ChatRequest(BaseModel):
    """A chat completion request; everything not named here is accepted and ignored."""

    model_config = ConfigDict(extra="allow")

    messages: list[dict[str, Any]] = Field(
        description="Roles system, user, assistant, tool; `content` a string, parts, or null."
        " The last user message is the question, what user and assistant said before is history."
    )
    model: Any = Field(
        default="", description="`community-qa`, `community-ops` or `community-trainer`."
    )
    stream: Any = Field(default=False, description="Answer as server-sent events.")
    stream_options: Any = Field(default=None, description="`include_usage` adds a usage chunk.")
    user: Any = Field(default=None, description="The person who asks, as the caller names them.")
    metadata: Any = Field(
        default=None, description="`conversation_id`, `user_id` and `channel` are honoured."
    )


EXAMPLE = {
    "model": "community-qa",
    "messages": [{"role": "user", "content": "怎么让群里的人多说话？"}],
    "stream": False,
}


async def chat_request(request: Request) -> ChatRequest:
    """Read the body, whatever its content type says: some clients say nothing.

    Raises:
        BadInput: it is no JSON object, or has no list of messages.
    """
    try:
        body = json.loads(await request.body())
    except ClientDisconnect as error:
        raise BadInput("the client went away.") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the body is not JSON: {error}.", remedy="Send a JSON object.") from error
    try:
        return ChatRequest.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadInput(f"{name}: {first['msg']}.", remedy="Send `messages`.") from error


@dataclass(frozen=True, slots=True)
class Turn:
    """What a request asks: the question (may be empty), and what was said before it."""

    question: str
    history: tuple[BaseMessage, ...]


def turn(messages: list[dict[str, Any]]) -> Turn:
    """The last user message, and what user and assistant said before it.

    System and tool messages are the caller's data, never a permission: they are left out.

    Raises:
        BadInput: nobody asks anything: there is no user message.
    """
    said = [(each.get("role"), text_of(each)) for each in messages]
    last = max((place for place, (role, _) in enumerate(said) if role == "user"), default=-1)
    if last < 0:
        raise BadInput("messages: there is no user message.", remedy="Send one.")
    before = [(role, text) for role, text in said[:last] if role in ("user", "assistant") and text]
    history = [
        HumanMessage(cut) if role == "user" else AIMessage(cut)
        for role, text in before[-_MESSAGES:]
        if (cut := normalize.clean(text[:_CHARACTERS]).strip())
    ]
    return Turn(normalize.clean(said[last][1]).strip(), tuple(history))


def text_of(message: dict[str, Any]) -> str:
    """The text of a message whose content is a string, a list of parts, or null."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def model_name(body: ChatRequest) -> str:
    """The model's name as the answer repeats it; unknown ones are taken as they are."""
    name = body.model if isinstance(body.model, str) else ""
    return normalize.clean(name)[:_NAME].strip() or "community-qa"


def wants_stream(body: ChatRequest) -> bool:
    """Whether the answer is to come as events; some clients write the word."""
    return body.stream is True or body.stream in ("true", "True", 1)


def wants_usage(body: ChatRequest) -> bool:
    """Whether a stream ends with a chunk of usage."""
    options = body.stream_options
    return bool(options.get("include_usage")) if isinstance(options, dict) else False


def thread(body: ChatRequest, request: Request, person: Person, asked: Turn) -> str | None:
    """The conversation that is to be remembered; none when the request carries its history.

    Named by the header ``X-Conversation-Id``, ``metadata.conversation_id`` or FastGPT's ``chatId``;
    it belongs to the key, the channel and the user named.
    """
    if asked.history:
        return None
    metadata = body.metadata if isinstance(body.metadata, dict) else {}
    extra = body.model_extra or {}
    conversation = (
        request.headers.get("x-conversation-id")
        or metadata.get("conversation_id")
        or extra.get("chatId")
    )
    if not conversation:
        return None
    user = metadata.get("user_id") or body.user or extra.get("customUid") or ""
    channel = metadata.get("channel") or ""
    return person.thread("openai", str(channel), str(user), str(conversation))


def prompt_tokens(body: ChatRequest) -> int:
    """Tokens of everything that was sent; at least 1, since some bots divide by it."""
    return max(1, sum(tokens.count(text_of(message)) for message in body.messages))
