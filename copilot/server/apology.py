"""Apologies: what is said instead of an answer when there is none to give."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from copilot.app import Asked, Copilot, Replied
from copilot.errors import BadInput
from copilot.jobs.answer import Answer
from copilot.language import strings

log = logging.getLogger(__name__)

# Marks a reply that is not what it should have been.
DEGRADED = {"X-Copilot-Degraded": "1"}


def apologise(copilot: Copilot, asked: Asked, history: Sequence[BaseMessage] = ()) -> Replied:
    """Answer; what fails unexpectedly becomes an apology and a hand-over.

    For bots: they show members whatever comes, and a member can do nothing with an error.

    Raises:
        BadInput: the question cannot be used.
    """
    try:
        return copilot.ask(asked, history)
    except BadInput:
        raise
    except Exception:
        log.exception("an answer for a bot failed")
        return apology(copilot, asked.question, "server.internal")


def apology(copilot: Copilot, question: str, key: str) -> Replied:
    """A text of the catalogue as an answer that rests on nothing; it has no id to be rated by."""
    failed = key == "server.internal"
    text = strings.text(key, copilot.settings.language)
    return Replied(Answer(question, text, (), 0.0, handoff=failed, degraded=failed), "")
