"""Asks by a model: how people would ask for a passage, kept where nothing speaks against it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from copilot.errors import ModelError, SettingsError
from copilot.language import tokens
from copilot.language.figures import figures, stands
from copilot.language.normalize import clean, search_form
from copilot.playbook.authoring.wording import Shared, letters
from copilot.playbook.evidence import Passage

# How many the model is asked for, and the longest that is kept, in characters.
ASKS = 12
LONGEST = 60

# An ask in the passage's own words finds nothing that its body would not (as for entries, docs/
# knowledge.md). Counted in words: a Chinese character is one, so is a Latin word or a number.
COPIED = 10

# Tokens of one ask in an answer, quotes included: about 18 characters at 0.7.
_ASK_TOKENS = 15

# A model that does not answer so often in a row is not there; one whose answers cannot be used so
# often in a row does not understand. Whoever pays for the calls should hear of it.
_SILENT = 3
_FAILED = 10

# Some local models think aloud first, and many put JSON into a fence.
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.S)
_FENCE = re.compile(r"\A```(?:json)?[ \t]*\n(.*)\n```\Z", re.S)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

# What the model answers to one passage. Raises `ModelError` when it does not.
Write = Callable[[Passage], str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: these passages, with about so many tokens to the model and back.

    ``waiting`` counts all passages without asks, those beyond a limit included; ``label`` is the
    prompt's.
    """

    passages: tuple[Passage, ...]
    waiting: int
    tokens_sent: int
    tokens_written: int
    label: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """An ask that is not kept, and why."""

    ask: str
    reason: str


@dataclass(frozen=True, slots=True)
class Expanded:
    """What became of one passage; ``error`` says why the model wrote nothing for it."""

    passage: Passage
    asks: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    error: str = ""


def check_model(name: str) -> None:
    """Refuse to go on without a chat model.

    Args:
        name: the setting `model`.

    Raises:
        SettingsError: it is empty.
    """
    if not name.strip():
        raise SettingsError(
            "writing asks needs a chat model, and none is configured.",
            remedy="Set COPILOT_MODEL (`provider:name`), COPILOT_MODEL_API_KEY and, for an endpoint"
            " of your own, COPILOT_MODEL_BASE_URL; or write them yourself: copilot knowledge asks.",
        )


def plan(passages: Sequence[Passage], waiting: int, system: str, label: str) -> Plan:
    """What a run over these passages comes to.

    Args:
        system: the prompt, which goes along with every passage.
    """
    prompt = tokens.count(system)
    sent = sum(prompt + tokens.count(data(each)) for each in passages)
    return Plan(tuple(passages), waiting, sent, len(passages) * ASKS * _ASK_TOKENS, label)


def data(passage: Passage) -> str:
    """A passage as the model gets it, in its own message: JSON, which no text breaks out of."""
    shown = {"title": passage.title, "section": passage.section, "text": passage.text}
    return json.dumps(shown, ensure_ascii=False)


def expand(passages: Iterable[Passage], write: Write) -> Iterator[Expanded]:
    """Have asks written, one passage after the other.

    Each is yielded as soon as it is done, so that whoever keeps it loses at most the one under way.

    Raises:
        ModelError: the model fails again and again; what was yielded stays right.
    """
    silent = failed = 0
    for passage in passages:
        try:
            answer = write(passage)
        except ModelError as error:
            silent += 1
            done = Expanded(passage, error=error.detail)
        else:
            silent = 0
            done = judge(passage, answer)
        failed = failed + 1 if done.error else 0
        yield done
        if silent == _SILENT or failed == _FAILED:
            raise ModelError(
                f"stopped after {failed} passages in a row without asks: {done.error}",
                remedy="What was written before is kept. Check COPILOT_MODEL, its key and its base"
                " URL, then run the same command again: it goes on where it stopped.",
            )


def judge(passage: Passage, answer: str) -> Expanded:
    """The asks of an answer that can be kept, and what cannot, with the reason."""
    try:
        written = parse(answer)
    except ModelError as error:
        return Expanded(passage, error=error.detail)
    body = (passage.title, passage.section, passage.text)
    copied = Shared(body, COPIED)
    whole = "\n".join(body)
    amounts = {figure.name for figure in figures(whole)}
    numbers = set(_NUMBER.findall(search_form(whole)))
    # The headings are searched as they are.
    seen = {letters(each) for each in (*passage.asks, passage.title, passage.section)}
    asks: list[str] = []
    dropped: list[Dropped] = []
    for ask in written:
        form = letters(ask)
        reason = _against(ask, form, seen, copied) or _invented(ask, amounts, numbers)
        if not reason and len(asks) == ASKS:
            reason = f"more than {ASKS}"
        if reason:
            dropped.append(Dropped(ask, reason))
            continue
        seen.add(form)
        asks.append(ask)
    nothing = "" if asks else "none of what the model wrote can be kept"
    return Expanded(passage, tuple(asks), tuple(dropped), nothing)


def parse(answer: str) -> list[str]:
    """The asks in a model's answer: a JSON array of strings, and nothing else.

    Raises:
        ModelError: it is anything else, or empty.
    """
    text = _THOUGHT.sub("", answer).strip()
    if fenced := _FENCE.match(text):
        text = fenced[1]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unusable(answer) from error
    if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
        raise _unusable(answer)
    return [" ".join(clean(each).split()) for each in found]


def _unusable(answer: str) -> ModelError:
    shown = answer.strip()
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
    return ModelError(
        f"the model's answer is no JSON array of strings: {shown!r}.", remedy="Try again."
    )


def _against(ask: str, form: str, seen: Collection[str], copied: Shared) -> str:
    """What speaks against an ask as such; empty when nothing does."""
    if not form:
        return "nothing in it"
    if len(ask) > LONGEST:
        return f"longer than {LONGEST} characters"
    if form in seen:
        return "there already"
    if stretch := copied.longest(ask):
        return f"{stretch!r} is copied from the passage"
    return ""


def _invented(ask: str, amounts: Collection[str], numbers: Collection[str]) -> str:
    """The figure or number of an ask that the passage does not hold; empty when there is none."""
    rest = search_form(ask)
    for figure in figures(ask):
        if not stands(figure, amounts):
            return f"{figure.text!r} is not in the passage"
        rest = rest.replace(figure.text, " ", 1)
    # Ordinals, dates and parts of names are no figures, and can be wrong all the same.
    for number in _NUMBER.findall(rest):
        if number not in numbers:
            return f"{number!r} is not in the passage"
    return ""
