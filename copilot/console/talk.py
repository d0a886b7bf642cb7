"""What the console does: ask, rate, begin anew. Every error becomes a calm sentence."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from copilot.agent.graph import Delta
from copilot.agent.tools import Caller
from copilot.app import LONGEST_QUESTION, Asked, Copilot, Replied
from copilot.console import sources, turns
from copilot.console.sources import Say
from copilot.console.turns import EXAMPLES, Turn
from copilot.desk.journal import Rating
from copilot.errors import NotFound
from copilot.language import normalize

log = logging.getLogger(__name__)

_RATINGS: dict[object, Rating] = {"like": "like", "dislike": "dislike"}


@dataclass(frozen=True, slots=True)
class Conversation:
    """One page's conversation. It stays on the server, so that no page can claim another past."""

    thread: str = field(default_factory=lambda: secrets.token_hex(8))
    turns: tuple[Turn, ...] = ()


# The box; earlier turns, the latest turn and the panel as HTML; the conversation itself. The latest
# turn stands apart so that a growing answer does not send everything that was said before.
Shown = tuple[Any, Any, Any, Any, Conversation]


class Talk:
    """The handlers of the page."""

    def __init__(self, copilot: Copilot, caller: Callable[[str], Caller], say: Say) -> None:
        """Args:
        caller: whom to answer, by the name of whoever is signed in.
        say: a text of the catalogue.
        """
        self._copilot = copilot
        self._caller = caller
        self._say = say

    def ask(
        self, question: str, conversation: Conversation | None, request: gr.Request
    ) -> Iterator[Shown]:
        """Answer what stands in the box, and empty it."""
        conversation = conversation or Conversation()
        question = normalize.clean(question).strip()
        if question:
            yield from self._answer(question, conversation, str(request.username))
        else:
            yield "", gr.skip(), gr.skip(), gr.skip(), conversation

    def example(
        self, conversation: Conversation | None, request: gr.Request, event: gr.EventData
    ) -> Iterator[Shown]:
        """Answer one of the examples."""
        name = event._data.get("name") if isinstance(event._data, dict) else None
        if name in EXAMPLES:
            question = self._say(f"console.example.{name}")
            yield from self._answer(question, conversation or Conversation(), str(request.username))

    def _answer(self, question: str, conversation: Conversation, name: str) -> Iterator[Shown]:
        """The answer as it comes; at last with its passages in the panel."""
        turn = Turn(question)
        # Emptied once, at the start: what is typed meanwhile stays.
        yield "", self._html(conversation.turns), self._html((turn,)), gr.skip(), conversation
        for grown in self._turns(turn, conversation.thread, name):
            turn = grown
            if turn.answer is None:
                yield gr.skip(), gr.skip(), self._html((turn,)), gr.skip(), conversation
        conversation = replace(conversation, turns=(*conversation.turns, turn))
        panel = self._panel(conversation)
        yield gr.skip(), gr.skip(), self._html((turn,)), panel, conversation

    def _turns(self, turn: Turn, thread: str, name: str) -> Iterator[Turn]:
        """The turn as it grows."""
        if len(turn.question) > LONGEST_QUESTION:
            yield replace(turn, text=self._say("answer.too_long"))
            return
        asked = Asked(
            turn.question, self._caller(name), "console", json.dumps(["console", name, thread])
        )
        try:
            for event in self._copilot.stream(asked):
                if isinstance(event, Delta):
                    turn = replace(turn, text=turn.text + event.text)
                elif isinstance(event, Replied):
                    turn = replace(turn, answer=event.answer, id=event.id)
                yield turn
        except Exception:
            log.exception("a console answer failed")
            yield replace(turn, text=self._say("console.error"))

    def rate(
        self, conversation: Conversation | None, event: gr.EventData
    ) -> tuple[Any, Any, Conversation | None]:
        """Keep a 👍 or 👎 with the answer it was given to; the same again takes it back."""
        given = event._data if isinstance(event._data, dict) else {}
        known = conversation.turns if conversation else ()
        chosen = next((turn for turn in known if turn.id and turn.id == given.get("answer")), None)
        rating = _RATINGS.get(given.get("rating"))
        if conversation is None or chosen is None or rating is None:
            return gr.skip(), gr.skip(), conversation
        rated = replace(chosen, rating=None if chosen.rating == rating else rating)
        try:
            self._copilot.journal.rate(rated.id, rated.rating)
        except NotFound:
            log.warning("a rating for an answer that is not in the journal")
            return gr.skip(), gr.skip(), conversation
        if rated.rating is not None:
            gr.Info(self._say("console.rated"), duration=3)
        known = tuple(rated if turn is chosen else turn for turn in known)
        return self._html(known[:-1]), self._html(known[-1:]), replace(conversation, turns=known)

    def fresh(self) -> tuple[str, str, str, Conversation]:
        """Begin a new conversation."""
        return "", turns.beginning(self._say), self.empty_panel(), Conversation()

    def _html(self, shown: tuple[Turn, ...]) -> str:
        return turns.conversation(shown, self._say)

    def _panel(self, conversation: Conversation) -> str:
        """The passages of every answer, the latest first."""
        sections = [
            sources.section(turn.answer.citations, turn.answer.text, turn.id, self._say)
            for turn in reversed(conversation.turns)
            if turn.answer is not None and turn.answer.citations
        ]
        return "".join(sections) or self.empty_panel()

    def empty_panel(self) -> str:
        """What stands in the panel before the first answer."""
        return f'<p class="hint">{self._say("console.no_sources")}</p>'
