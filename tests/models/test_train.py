"""Training: it learns what only the pairs can teach, and does it again the same way."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from copilot.errors import BadInput
from copilot.models import embedder, pairs, ranking, static, train

RECIPE = train.Recipe(
    vocabulary=600, dimensions=64, epochs=4, batch=128, repeat=4, threads=1, hold_out=0.2
)
TOPICS = 30


def entries(folder: Path, seed: int) -> Path:
    """Topics whose asks share no character with their text: only training can join them."""
    rng = random.Random(seed)
    characters = [chr(code) for code in range(0x4E00, 0x4E00 + 600)]
    rng.shuffle(characters)
    own = [characters[start : start + 16] for start in range(0, TOPICS * 16, 16)]
    filler = characters[TOPICS * 16 :]
    folder.mkdir()
    for number, mine in enumerate(own):
        formal, spoken = mine[:8], mine[8:]
        asks = ["".join(rng.sample(spoken, 3) + rng.sample(filler, 2)) for _ in range(15)]
        text = "".join(formal + rng.sample(filler, 12))
        (folder / f"{number:02}.md").write_text(
            f"---\nid: t{number}\ntitle: {formal[0]}\nasks: {asks}\n---\n{text}\n", encoding="utf-8"
        )
    return folder


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory) -> Path:
    return entries(tmp_path_factory.mktemp("texts") / "knowledge", seed=3)


@pytest.fixture(scope="module")
def trained(knowledge, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    told = []
    report = train.train_embedder(
        train.Sources(knowledge=knowledge),
        folder,
        RECIPE,
        progress=lambda *said: told.append(said),
    )
    return folder, report, told


def test_it_learns(trained, knowledge, tmp_path):
    folder, report, _ = trained
    (score,) = report.scores
    assert (score.model, score.corpus) == ("domain", "playbook entries")
    assert (score.asks, score.topics) == (TOPICS * 3, TOPICS)
    topics = [pairs.topic_form(topic) for topic in pairs.read_knowledge(knowledge)]
    questions = [(ask, n) for n, topic in enumerate(topics) for ask in topic.asks]
    pieces = Tokenizer.from_file(str(folder / "tokenizer.json"))
    shape = (pieces.get_vocab_size(), RECIPE.dimensions)
    static.save(tmp_path, pieces, np.random.default_rng(0).standard_normal(shape, np.float32))
    _, untrained = train.recall(embedder.load(str(tmp_path)).encode, topics, questions)
    assert untrained < 0.4
    assert score.recall_at_5 > 0.9
    assert score.recall_at_1 <= score.recall_at_5


def test_progress_is_told_to_the_end(trained):
    _, _, told = trained
    assert {doing for doing, _, _ in told} == {"scoring: domain", "training"}
    assert all(1 <= done <= of for _, done, of in told)
    assert told[-1][0] == "training"
    assert told[-1][1] == told[-1][2]


def test_the_same_seed_gives_the_same_files(trained, knowledge, tmp_path):
    folder, report, _ = trained
    sources = train.Sources(knowledge=knowledge)
    same = train.train_embedder(sources, tmp_path / "same", RECIPE, score=False)
    other = train.train_embedder(sources, tmp_path / "other", replace(RECIPE, seed=8), score=False)
    for file in ("model.safetensors", "tokenizer.json", "config.json", "modules.json"):
        assert (tmp_path / "same" / file).read_bytes() == (folder / file).read_bytes()
    assert same.name.split("@")[1] == report.name.split("@")[1] != other.name.split("@")[1]


def test_training_goes_on_from_a_saved_embedder(trained, tmp_path):
    folder, _, _ = trained
    before = embedder.load(str(folder))
    synonyms = tmp_path / "synonyms.txt"
    pieces = [piece for piece in Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()]
    one, two = sorted(piece for piece in pieces if len(piece) == 1)[100:102]
    synonyms.write_text(f"{one},{two}\n", encoding="utf-8")
    report = train.train_embedder(
        train.Sources(synonyms=synonyms),
        tmp_path / "out",
        replace(train.ADAPT, threads=1),
        start=folder,
    )
    after = embedder.load(str(tmp_path / "out"))
    assert report.scores == ()
    assert after.dimensions == before.dimensions
    assert after.name != before.name
    near, nearer = (np.prod(model.encode([one, two]), axis=0).sum() for model in (before, after))
    assert nearer > near + 0.1


def test_nothing_to_train_on(tmp_path):
    with pytest.raises(BadInput, match="nothing to train on"):
        train.train_embedder(train.Sources(), tmp_path)
    with pytest.raises(BadInput, match="needs the texts"):
        train.train_embedder(train.Sources(asks=tmp_path / "asks.jsonl"), tmp_path)


def test_a_pair_of_the_same_topic_is_no_negative():
    class Echo(torch.nn.Module):
        def forward(self, features):
            return {"sentence_embedding": features["vectors"]}

    loss = ranking.TopicRanking(Echo())
    vectors = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    nothing = torch.zeros(3, 2)

    def value(negative: torch.Tensor, topics: list[int]) -> float:
        features = [{"vectors": each} for each in (vectors, vectors, negative)]
        return float(loss(features, torch.tensor(topics)))

    apart = value(nothing, [0, 1, 2])
    assert value(nothing, [0, 0, 2]) < apart
    assert value(nothing, [-1, -1, -1]) == pytest.approx(apart)
    assert value(vectors.flip(0), [0, 1, 2]) > apart


def test_recall_counts_ties_against():
    topics = [pairs.Topic(str(n), "", ("同",), ()) for n in range(3)]

    def encode(texts):
        return np.ones((len(texts), 1), dtype=np.float32)

    assert train.recall(encode, topics, [("问", 1)]) == (0.0, 1.0)
    assert train.recall(encode, topics, []) == (0.0, 0.0)
