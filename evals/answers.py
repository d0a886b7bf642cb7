"""Answers: complete, cited, supported, short enough; and refused when there is no evidence.

Run with `python -m inspect_ai eval evals/answers.py --model none` (`-T split=test`,
`-T corpus=all`, `-T audience=member`), or with retrieval by `python -m evals`. The answers come
from the copilot's own agent on the offline model: no model is called.
"""

from __future__ import annotations

from typing import Any

from inspect_ai import Task, task
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Score, Scorer, Target, grouped, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from copilot.agent.tools import Caller
from copilot.app import Asked
from copilot.desk.keys import Role
from copilot.jobs.answer import as_object
from copilot.playbook.evidence import Audience
from evals import questions, scorers
from evals.corpus import Name, chosen, shared
from evals.questions import Split
from evals.retrieval import facts_of, sample

# The role whose keys are answered as an audience.
ROLES: dict[Audience, Role] = {"member": "bot", "operator": "operator", "trainee": "trainer"}

# Characters a member is answered in at most (issue "Foundation", 7).
MEMBER_LIMIT = 400


@task
def answers(
    split: Split = "dev", corpus: Name = "documents", audience: Audience = "operator"
) -> Task:
    """The whole way from question to answer, on all questions of a split.

    Args:
        corpus: what is answered from (see `evals.corpus`).
        audience: who is answered.
    """
    return Task(
        dataset=[sample(question) for question in questions.load(split)],
        solver=ask(corpus, audience),
        scorer=[complete(), cited(), supported(), length(), refused()],
        metadata={"split": split, "corpus": chosen(corpus)[0], "audience": audience},
    )


@solver
def ask(corpus: Name, audience: Audience) -> Solver:
    """Ask the copilot; leaves the `answer` in the store, as `copilot ask --json` prints it."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        del generate
        caller = Caller(ROLES[audience], audience)
        replied = shared(corpus).copilot.ask(Asked(state.input_text, caller, "eval"))
        state.store.set("answer", as_object(replied.answer))
        state.output = ModelOutput.from_content("copilot-offline", replied.answer.text)
        return state

    return solve


def _answer(state: TaskState) -> dict[str, Any]:
    answer: dict[str, Any] = state.store.get("answer")
    return answer


def _unscored(state: TaskState, *, answered: bool) -> Score | None:
    """A score that counts nowhere, for what a scorer does not judge."""
    if not state.metadata["answerable"]:
        return Score.unscored(reason="unanswerable")
    if answered and _answer(state)["refused"]:
        return Score.unscored(reason="refused")
    return None


@scorer(metrics=[grouped(mean(), "group")])
def complete() -> Scorer:
    """Whether the answer holds all the facts; a refusal holds none."""

    async def score(state: TaskState, target: Target) -> Score:
        del target
        if unscored := _unscored(state, answered=False):
            return unscored
        answer = _answer(state)
        share = (
            0.0
            if answer["refused"]
            else scorers.held([scorers.body(answer["text"])], facts_of(state))
        )
        return Score(
            value=float(share == 1.0), answer=answer["text"], explanation=f"{share:.0%} of facts"
        )

    return score


@scorer(metrics=[grouped(mean(), "group")])
def cited() -> Scorer:
    """Share of the statements with marks that are all citations."""

    async def score(state: TaskState, target: Target) -> Score:
        del target
        if unscored := _unscored(state, answered=True):
            return unscored
        answer = _answer(state)
        known = {citation["n"] for citation in answer["citations"]}
        return Score(value=scorers.cited(answer["text"], known), answer=answer["text"])

    return score


@scorer(metrics=[grouped(mean(), "group")])
def supported() -> Scorer:
    """Whether every number stands in a passage that its statement cites."""

    async def score(state: TaskState, target: Target) -> Score:
        del target
        answer = _answer(state)
        if answer["refused"]:
            return Score.unscored(reason="refused")
        passages = {
            citation["n"]: f"{citation['title']}\n{citation['section']}\n{citation['text']}"
            for citation in answer["citations"]
        }
        missing = scorers.unsupported(answer["text"], passages)
        return Score(
            value=float(not missing), answer=answer["text"], explanation=", ".join(missing)
        )

    return score


@scorer(metrics=[grouped(mean(), "group")])
def length() -> Scorer:
    """Characters of the body."""

    async def score(state: TaskState, target: Target) -> Score:
        del target
        if unscored := _unscored(state, answered=True):
            return unscored
        return Score(value=float(scorers.length(_answer(state)["text"])))

    return score


@scorer(metrics=[grouped(mean(), "group", all=False)])
def refused() -> Scorer:
    """Whether it was refused: right for the unanswerable, an over-refusal for the others."""

    async def score(state: TaskState, target: Target) -> Score:
        del target
        answer = _answer(state)
        return Score(
            value=float(answer["refused"]), explanation=f"confidence {answer['confidence']}"
        )

    return score
