"""What the native API takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from fastapi.openapi.models import Example
from pydantic import BaseModel, ConfigDict, Field, field_validator

from copilot.app import LONGEST_QUESTION
from copilot.playbook.evidence import Audience


class AskRequest(BaseModel):
    """A question to the playbook."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(description="The question.", max_length=LONGEST_QUESTION)
    reader: Audience | None = Field(
        default=None, alias="as", description="Who is answered; the key's role limits it."
    )
    thread: str | None = Field(
        default=None,
        max_length=200,
        description="Conversation to go on with; the key's own, kept across restarts.",
    )
    stream: bool = Field(default=False, description="Answer as server-sent events.")

    @field_validator("q")
    @classmethod
    def _asks(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the question is empty")
        return value


EXAMPLES: dict[str, Example] = {
    "question": Example(summary="A question", value={"q": "怎么让群里的人多说话？"}),
    "operator": Example(
        summary="Answered as an operator, in a conversation",
        value={"q": "那预算呢？", "as": "operator", "thread": "plan-for-june"},
    ),
    "stream": Example(
        summary="As server-sent events",
        value={"q": "新人进群以后，怎么带他们熟悉起来？", "stream": True},
    ),
}


class CitedPassage(BaseModel):
    """A passage behind the marks `[n]` of an answer."""

    n: int
    id: str
    title: str
    section: str = Field(description="Heading path below the title, joined by ` › `.")
    source: str = Field(description="The file it was read from.")
    text: str


class AskReply(BaseModel):
    """An answer; the same keys as `copilot ask --json`."""

    q: str
    text: str = Field(description="The answer, with `[n]` after each statement and its sources.")
    citations: list[CitedPassage]
    facts: list[dict[str, Any]]
    refused: bool = Field(description="There is no evidence; `text` says so.")
    handoff: bool = Field(description="A person should take over.")
    confidence: float = Field(description="Probability that the evidence answers the question.")
    degraded: bool = Field(description="The language model failed, or the answer did.")
    id: str = Field(description="What the answer can be rated by; empty for an apology.")


class RateRequest(BaseModel):
    """What somebody thought of an answer."""

    model_config = ConfigDict(extra="forbid")

    rating: Literal["like", "dislike"] | None = Field(description="`null` takes a rating back.")
    comment: str = Field(default="", max_length=2000)


class Rated(BaseModel):
    """The rating is kept."""

    result: str


class Gap(BaseModel):
    """A question that found no evidence."""

    id: int
    question: str
    audience: str
    times: int
    last: datetime
