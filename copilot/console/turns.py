"""The console's conversation as HTML: questions, answers with their sources, and the beginning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from copilot.console import markup
from copilot.console.sources import Say, anchor
from copilot.desk.journal import Rating
from copilot.jobs.answer import Answer, in_script_of
from copilot.language import normalize

# A thumb up; the style turns it over for the other one. Not every machine has emoji.
_THUMB = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 10.5v9H4.2a.7.7 0 0 1-.7-.7v-7.6'
    "c0-.4.3-.7.7-.7H7Zm0 0 4-7.3c1.3 0 2.3 1 2.3 2.3v3.3h5.2c1.2 0 2.1 1.1 1.9 2.3l-1.1 6.6"
    'a2 2 0 0 1-2 1.8H7"/></svg>'
)

EXAMPLES = ("first", "second", "third", "fourth")


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what became of it.

    ``text`` is what is shown while the answer is on its way, or instead of one; ``id`` names the
    answer in the journal.
    """

    question: str
    text: str = ""
    answer: Answer | None = None
    id: str = ""
    rating: Rating | None = None


def conversation(turns: Sequence[Turn], say: Say) -> str:
    """Turns of a conversation."""
    return "".join(_turn(each, say) for each in turns)


def beginning(say: Say) -> str:
    """What stands there before the first question."""
    examples = "".join(
        f'<button type="button" class="try" data-do="example" data-name="{name}">'
        f"{escape(say(f'console.example.{name}'))}</button>"
        for name in EXAMPLES
    )
    return (
        f'<div class="beginning"><h2>{escape(say("console.empty"))}</h2>'
        f'<p>{escape(say("console.empty_hint"))}</p><div class="examples">{examples}</div></div>'
    )


def _turn(turn: Turn, say: Say) -> str:
    refused = " refused" if turn.answer is not None and turn.answer.refused else ""
    return (
        f'<article class="turn"><div class="question">{markup.plain(turn.question)}</div>'
        f'<div class="answer{refused}">{_answer(turn, say)}</div></article>'
    )


def _answer(turn: Turn, say: Say) -> str:
    if turn.answer is None:
        text = body_of(turn.text, say)
        if text.strip():
            return f'<div class="said">{markup.answer(text, {})}</div>'
        return f'<p class="searching" role="status">{escape(say("console.searching"))}</p>'
    links = {citation.n: anchor(turn.id, citation.n) for citation in turn.answer.citations}
    said = markup.answer(body_of(turn.answer.text, say), links)
    return f'<div class="said">{said}</div>{_sources(turn, say)}{_actions(turn, say)}'


def body_of(text: str, say: Say) -> str:
    """An answer's text without the lines that name its sources: they are listed beside it."""
    label = say("answer.source").strip()
    labels = "|".join(re.escape(each) for each in {label, normalize.traditional(label)})
    return re.sub(rf"^(?:{labels})\s*\[\d+\].*(?:\n|$)", "", text, flags=re.M).rstrip()


def _sources(turn: Turn, say: Say) -> str:
    if turn.answer is None or not turn.answer.citations:
        return ""
    items = "".join(
        f'<li><a href="#{anchor(turn.id, each.n)}"><span class="n">{each.n}</span>'
        f"<span>《{escape(in_script_of(turn.question, each.title))}》"
        f"{_last(turn.question, each.section)}</span></a></li>"
        for each in turn.answer.citations
    )
    return f'<ul class="sources" aria-label="{escape(say("console.sources"))}">{items}</ul>'


def _last(question: str, section: str) -> str:
    last = section.split(" › ")[-1]
    return f' <span class="where">{escape(in_script_of(question, last))}</span>' if last else ""


def _actions(turn: Turn, say: Say) -> str:
    copy, copied = escape(say("console.copy")), escape(say("console.copied"))
    buttons = [f'<button type="button" data-do="copy" data-done="{copied}">{copy}</button>']
    if turn.id:
        for rating in ("like", "dislike"):
            label = escape(say(f"console.{rating}"))
            pressed = "true" if turn.rating == rating else "false"
            buttons.append(
                f'<button type="button" data-do="rate" data-answer="{escape(turn.id)}"'
                f' data-rating="{rating}" aria-pressed="{pressed}" aria-label="{label}"'
                f' title="{label}">{_THUMB}</button>'
            )
    return f'<div class="actions">{"".join(buttons)}</div>'
