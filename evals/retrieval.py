"""Retrieval: do the first hits hold the whole answer, and do they come from the right place?

Run with `python -m inspect_ai eval evals/retrieval.py --model none` (`-T split=test`,
`-T corpus=all`, `-T audience=member`), or with the answers by `python -m evals`. Calls no model.
"""

from __future__ import annotations

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Score, Scorer, Target, grouped, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from copilot.playbook.evidence import Audience
from evals import questions, scorers
from evals.corpus import Name, chosen, places, shared
from evals.questions import Question, Split

# Hits looked at.
DEPTH = 10


@task
def retrieval(
    split: Split = "dev", corpus: Name = "documents", audience: Audience = "operator"
) -> Task:
    """Recall, reciprocal rank and gain on the answerable questions of a split.

    Args:
        corpus: what is searched (see `evals.corpus`).
        audience: whose passages are searched.
    """
    answerable = [question for question in questions.load(split) if question.answerable]
    return Task(
        dataset=[sample(question) for question in answerable],
        solver=search(corpus, audience),
        scorer=found(),
        metadata={"split": split, "corpus": chosen(corpus)[0], "audience": audience},
    )


def sample(question: Question) -> Sample:
    """A question as Inspect takes it; `group` and `topic` are what results are grouped by."""
    return Sample(
        id=question.id,
        input=question.q,
        target=[" / ".join(wordings) for wordings in question.facts],
        metadata={
            "group": question.group,
            "topic": question.topic,
            "answerable": question.answerable,
            "facts": [list(wordings) for wordings in question.facts],
            "sources": list(question.sources),
        },
    )


def facts_of(state: TaskState) -> questions.Facts:
    """The facts of the question under way."""
    return tuple(tuple(wordings) for wordings in state.metadata["facts"])


@solver
def search(corpus: Name, audience: Audience) -> Solver:
    """Search the corpus; leaves `hits` in the store: text and places of each, best first."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        del generate
        hits = shared(corpus).copilot.search(state.input_text, audience, DEPTH)
        state.store.set(
            "hits",
            [
                {
                    "text": "\n".join((hit.passage.title, hit.passage.section, hit.passage.text)),
                    "places": sorted(places(hit.passage)),
                }
                for hit in hits
            ],
        )
        shown = "\n".join(f"{hit.score:.2f} {hit.passage.section}" for hit in hits)
        state.output = ModelOutput.from_content("copilot-search", shown)
        return state

    return solve


@scorer(metrics={"*": [grouped(mean(), "group")]})
def found() -> Scorer:
    """Recall by facts; rank and gain by place (0 where hits name no place)."""

    async def score(state: TaskState, target: Target) -> Score:
        del target
        hits = state.store.get("hits")
        texts = [hit["text"] for hit in hits]
        found_at = [hit["places"] for hit in hits]
        facts, wanted = facts_of(state), state.metadata["sources"]
        return Score(
            value={
                "recall@1": scorers.recall(texts, facts, 1),
                "recall@5": scorers.recall(texts, facts, 5),
                "mrr": scorers.reciprocal_rank(found_at, wanted),
                f"ndcg@{DEPTH}": scorers.ndcg(found_at, wanted, DEPTH),
            },
            answer=state.output.completion,
        )

    return score
