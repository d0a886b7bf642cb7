"""Chat completions as bots can read them: whole, or in chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from copilot.app import Replied
from copilot.jobs.answer import as_object
from copilot.language import tokens

# What is advertised as `context_length`, tokens: what of a request's history is looked at.
_CONTEXT = 32_768

DONE = "data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Head:
    """What every chunk of one completion repeats; ``created`` in Unix seconds."""

    id: str
    created: int
    model: str

    def __call__(self, kind: str, **content: Any) -> dict[str, Any]:
        """An object of this completion."""
        named = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return named | content


def model(name: str) -> dict[str, Any]:
    """One entry of the list of models."""
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "copilot",
        "context_length": _CONTEXT,
    }


def usage(prompt: int, text: str) -> dict[str, int]:
    """Token counts; never 0 for a text, which some bots take for an error."""
    completion = max(1, tokens.count(text))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def more(replied: Replied) -> dict[str, Any]:
    """The keys beside OpenAI's own: citations, and what to do with the answer."""
    known = as_object(replied.answer)
    named = {key: known[key] for key in ("citations", "refused", "handoff", "degraded")}
    return named | {"answer_id": replied.id}


def completion(head: Head, replied: Replied, prompt: int) -> dict[str, Any]:
    """The whole answer. A refusal ends with `stop` too: other reasons make bots raise."""
    text = replied.answer.text
    message = {"role": "assistant", "content": text}
    return head(
        "chat.completion",
        choices=[{"index": 0, "message": message, "finish_reason": "stop"}],
        usage=usage(prompt, text),
        **more(replied),
    )


def delta(
    head: Head, content: dict[str, str], finish: str | None = None, **extra: Any
) -> dict[str, Any]:
    """A chunk with a further piece; ``content`` is never null, which crashes some bots."""
    choice = {"index": 0, "delta": content, "finish_reason": finish}
    return head("chat.completion.chunk", choices=[choice], **extra)


def usage_chunk(head: Head, prompt: int, text: str) -> dict[str, Any]:
    """The chunk after the last, for those who ask for it."""
    return head("chat.completion.chunk", choices=[], usage=usage(prompt, text))
