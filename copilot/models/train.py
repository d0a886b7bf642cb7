"""Training of the embedder: static vectors by multiple-negatives ranking, on one machine."""

from __future__ import annotations

import itertools
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from model2vec import StaticModel
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from tokenizers import Tokenizer
from transformers import PrinterCallback

from copilot.errors import BadInput
from copilot.language.normalize import search_form
from copilot.language.vocabulary import bundled_terms
from copilot.models import embedder, pairs, static
from copilot.models.pairs import Pair, Topic
from copilot.models.ranking import Reporting, Table, TopicRanking

# Where topics are from, as scores name it.
_ENTRIES = "playbook entries"
_DOCUMENTS = "source documents"

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (the same units)."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the training texts lie; ``None`` leaves a kind out.

    Attributes:
        general: folder of ``*.jsonl.gz`` (see `pairs.read_general`).
        asks: ``asks.jsonl``; needs ``documents``, the folder of the texts that it is keyed by.
        synonyms: one group per line.
        knowledge: folder of playbook entries; a ``glossary.csv`` in it is read too.
    """

    general: Path | None = None
    asks: Path | None = None
    documents: Path | None = None
    synonyms: Path | None = None
    knowledge: Path | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the result besides the texts; the defaults made the shipped embedder.

    ``repeat`` is how often each domain pair is seen for one general pair; ``general`` how many of
    the latter are taken; ``rate`` the peak learning rate; ``threads`` the processor threads torch
    uses (another number gives slightly other vectors); ``hold_out`` the share of each topic's asks
    kept for scoring.
    """

    vocabulary: int = 40_000
    dimensions: int = 256
    epochs: int = 2
    batch: int = 2048
    rate: float = 0.2
    repeat: int = 2
    general: int = 260_000
    hold_out: float = 0.1
    seed: int = 7
    threads: int = 2


# From shipped vectors to an operator's own words. Trained vectors are about 3 long per dimension,
# so steps are larger than from nothing; larger ones still (1.0) made the playbook's own asks fall
# from recall@1 0.98 to 0.89, these to 0.975 (docs/decisions/0005-embedder.md).
ADAPT = Recipe(epochs=10, batch=512, rate=0.3, repeat=12)

# Domain pairs in an epoch of further training: what takes less than a minute.
_ADAPTED = 12_000


@dataclass(frozen=True, slots=True)
class Score:
    """How often a held-out ask finds its topic first, and among the first five, out of ``topics``.

    ``model`` says what was trained on, ``corpus`` where the topics are from.
    """

    model: str
    corpus: str
    asks: int
    topics: int
    recall_at_1: float
    recall_at_5: float


@dataclass(frozen=True, slots=True)
class Report:
    """What was trained: pairs seen in an epoch, scores on held-out asks, and what was saved.

    The saved model has seen all asks; the scores are those of models that had not.
    """

    general_pairs: int
    domain_pairs: int
    scores: tuple[Score, ...]
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Texts:
    """Everything read, in search form; ``corpora`` are the topics by where they are from."""

    general: tuple[Pair, ...]
    corpora: Mapping[str, tuple[Topic, ...]]
    groups: tuple[tuple[str, ...], ...]


def train_embedder(
    sources: Sources,
    out: Path,
    recipe: Recipe = Recipe(),
    *,
    start: Path | None = None,
    score: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Train an embedder and save it as a model2vec folder, int8.

    With ``score``, models are first trained on general pairs alone and on these plus the domain
    pairs without the held-out asks, and scored on those asks; then the one that is saved is trained
    on everything. The same texts, recipe and machine give the same files.

    Args:
        sources: at least one kind of text.
        out: folder to write; made if missing.
        recipe: `Recipe()`, or `ADAPT` with ``start``.
        start: folder of a static embedder to train further (its pieces and dimensions are kept, and
            an ask's new words with them only as characters); ``None`` starts from nothing.
        score: whether to train and score the models without the held-out asks.
        progress: told after each step; ``None``: nobody is.

    Raises:
        BadInput: nothing to train on, or a file is missing or cannot be used.
    """
    began = time.monotonic()
    progress = progress or _silent
    texts = _read(sources, recipe)
    scores: list[Score] = []
    if score and any(topic.asks for topics in texts.corpora.values() for topic in topics):
        scores = _scores(texts, recipe, start, progress)
    general, domain = _train(texts, out, recipe, start, partial(progress, "training"))
    return Report(
        general_pairs=general,
        domain_pairs=domain,
        scores=tuple(scores),
        name=embedder.load(str(out)).name,
        seconds=time.monotonic() - began,
    )


def _silent(doing: str, done: int, of: int) -> None:
    del doing, done, of


def _read(sources: Sources, recipe: Recipe) -> _Texts:
    general = pairs.read_general(sources.general) if sources.general else []
    if len(general) > recipe.general:
        general = random.Random(recipe.seed).sample(general, recipe.general)
    corpora: dict[str, tuple[Topic, ...]] = {}
    if sources.asks:
        if sources.documents is None:
            raise BadInput(
                f"{sources.asks.name} needs the texts it asks about.",
                remedy="Give --playbook the folder of the source documents.",
            )
        found = pairs.read_asks(sources.asks, sources.documents)
        corpora[_DOCUMENTS] = tuple(map(pairs.topic_form, found))
    if sources.knowledge:
        found = pairs.read_knowledge(sources.knowledge)
        corpora[_ENTRIES] = tuple(map(pairs.topic_form, found))
    groups = pairs.read_synonyms(sources.synonyms) if sources.synonyms else []
    if sources.knowledge and (glossary := sources.knowledge / "glossary.csv").is_file():
        groups += pairs.read_synonyms(glossary)
    if not general and not groups and not any(corpora.values()):
        raise BadInput(
            "there is nothing to train on.", remedy="Give --data, --playbook or --knowledge."
        )
    return _Texts(
        general=tuple(map(pairs.pair_form, general)),
        corpora=corpora,
        groups=tuple(tuple(map(search_form, group)) for group in groups),
    )


def _scores(texts: _Texts, recipe: Recipe, start: Path | None, progress: Progress) -> list[Score]:
    kept: dict[str, tuple[Topic, ...]] = {}
    questions: dict[str, list[tuple[str, int]]] = {}
    for corpus, topics in texts.corpora.items():
        kept[corpus], questions[corpus] = pairs.hold_out(topics, recipe.hold_out, recipe.seed)
    # An ask may stand under two topics: held out from one, it must be gone from the other too.
    away = {ask for asked in questions.values() for ask, _ in asked}
    kept = {corpus: pairs.without(topics, away) for corpus, topics in kept.items()}
    trials = {"domain": replace(texts, corpora=kept)}
    if texts.general:
        bare = {
            corpus: tuple(replace(topic, asks=(), words=(), title="") for topic in topics)
            for corpus, topics in kept.items()
        }
        trials = {"general": replace(texts, corpora=bare, groups=())} | trials
    scores = []
    for model, trial in trials.items():
        with tempfile.TemporaryDirectory() as folder:
            _train(trial, Path(folder), recipe, start, partial(progress, f"scoring: {model}"))
            encode = embedder.load(folder).encode
            for corpus, topics in texts.corpora.items():
                first, five = recall(encode, topics, questions[corpus])
                count = len(questions[corpus])
                scores.append(Score(model, corpus, count, len(topics), first, five))
    return scores


def recall(
    encode: Callable[[Sequence[str]], static.Vectors],
    topics: Sequence[Topic],
    questions: Sequence[tuple[str, int]],
) -> tuple[float, float]:
    """Recall@1 and @5 of each question's topic, a topic standing where its best passage does.

    Args:
        encode: an embedder's.
        topics: what is searched; those without passages cannot be found.
        questions: texts with the index of the topic that answers each.
    """
    if not questions:
        return 0.0, 0.0
    passages = [passage for topic in topics for passage in topic.passages]
    owners = np.array([n for n, topic in enumerate(topics) for _ in topic.passages], dtype=int)
    near = encode([text for text, _ in questions]) @ encode(passages).T
    best = np.full((len(questions), len(topics)), -np.inf)
    for column, owner in enumerate(owners):
        best[:, owner] = np.maximum(best[:, owner], near[:, column])
    right = np.array([index for _, index in questions])
    before = (best >= best[np.arange(len(right)), right][:, None]).sum(axis=1)
    return float((before <= 1).mean()), float((before <= 5).mean())


def _train(
    texts: _Texts,
    out: Path,
    recipe: Recipe,
    start: Path | None,
    progress: Callable[[int, int], None],
) -> tuple[int, int]:
    """Train on all of ``texts`` and save; returns the numbers of general and domain pairs."""
    rng = random.Random(recipe.seed)
    entries, documents = (texts.corpora.get(name, ()) for name in (_ENTRIES, _DOCUMENTS))
    topics = pairs.joined(entries, documents)
    times = recipe.repeat
    if start is not None:
        once = len(pairs.domain_pairs(topics, texts.groups, random.Random(recipe.seed)))
        times = max(1, min(times, _ADAPTED // max(1, once)))
    repeats = [pairs.domain_pairs(topics, texts.groups, rng) for _ in range(times)]
    found = [*texts.general, *itertools.chain.from_iterable(repeats)]
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.threads)
    try:
        tokenizer, vectors = _learn(texts, found, recipe, start, progress)
    finally:
        torch.set_num_threads(threads)
    static.save(out, tokenizer, vectors)
    return len(texts.general), len(found) - len(texts.general)


def _learn(
    texts: _Texts,
    found: Sequence[Pair],
    recipe: Recipe,
    start: Path | None,
    progress: Callable[[int, int], None],
) -> tuple[Tokenizer, static.Vectors]:
    if start is not None:
        model = StaticModel.from_pretrained(start, max_length=None)
        table = Table(model.tokenizer, torch.from_numpy(static.unpack(model)), {})
        return model.tokenizer, _fit(table, found, recipe, progress)
    tokenizer = _tokenizer(texts, recipe)
    shape = (tokenizer.get_vocab_size(), recipe.dimensions)
    vectors = np.random.default_rng(recipe.seed).standard_normal(shape, np.float32)
    inside = static.parts(tokenizer)
    table = Table(tokenizer, torch.from_numpy(vectors), inside)
    return tokenizer, static.fold(_fit(table, found, recipe, progress), inside)


def _tokenizer(texts: _Texts, recipe: Recipe) -> Tokenizer:
    """Pieces of half the general text (all of it takes twice as long for nearly the same words),
    and of the domain's text, counted as often as it is seen."""
    topics = [topic for found in texts.corpora.values() for topic in found]
    words = [word for group in texts.groups for word in group]
    words += [word for topic in topics for group in topic.words for word in group]
    terms = {*bundled_terms(), *words}
    domain = [text for topic in topics for text in (topic.title, *topic.asks, *topic.passages)]
    general = (text for pair in texts.general[::2] for text in (pair.query, pair.passage))
    counts = static.count(general, terms)
    for word, times in static.count([*domain, *words], terms).items():
        counts[word] += times * recipe.repeat
    return static.tokenizer(counts, recipe.vocabulary)


def _fit(
    table: Table,
    found: Sequence[Pair],
    recipe: Recipe,
    progress: Callable[[int, int], None],
) -> static.Vectors:
    model = SentenceTransformer(modules=[table], device="cpu")
    # A widget that is filled keeps the trainer from making one, for a card that nobody reads.
    model.model_card_data.widget = [{}]
    dataset = Dataset.from_dict(
        {
            "anchor": [pair.query for pair in found],
            "positive": [pair.passage for pair in found],
            "negative": [pair.negative for pair in found],
            "label": [pair.topic for pair in found],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch,
            learning_rate=recipe.rate,
            warmup_steps=0.1,
            max_grad_norm=0,
            seed=recipe.seed,
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=dataset,
            loss=TopicRanking(model),
            callbacks=[Reporting(progress)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    trained: static.Vectors = table.embedding.weight.detach().numpy()
    return trained
