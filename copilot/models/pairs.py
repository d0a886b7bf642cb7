"""Training pairs for the embedder: general text, how people ask, and synonyms."""

from __future__ import annotations

import csv
import gzip
import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from copilot.errors import BadInput
from copilot.language.normalize import clean, search_form, simplified

# Longest passage trained on, in characters: a static embedding is a mean, and what a mean of more
# than this says is no longer about one thing. Serving is not cut (see `embedder.py`).
PASSAGE_CHARACTERS = 600
# What the two source documents' keys hold of a paragraph (`asks.jsonl`): "? " and 18 characters.
_PINYIN = re.compile(r"\([a-zāáǎàōóǒòēéěèīíǐìūúǔùǖǘǚǜü]{1,6}\)", re.IGNORECASE)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_SENTENCE_END = re.compile(r"(?<=[。;!?\n])")
_HELD = 0.3  # share of a document topic that an entry holds when it says the same
_TITLE = 6  # characters; what is not longer is a heading or a crumb, and says nothing by itself
_APART = 0.1  # share of characters followed by a blank in domain pairs
_QUESTION_HEADING = re.compile(r"^### +(\d+)\. *(.+)$", re.MULTILINE)
_SECTION = re.compile(r"(?<![\d.])\d{1,2}\.\d(?=[\u4e00-\u9fff])")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
# Nothing, or only links to other entries.
_NO_TEXT = re.compile(r"(?:\s|[-*+]|\[\[[^\[\]]*\]\])*")
_BODY_HEADING = re.compile(r"^#{1,6} +(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and another that should come up for it.

    ``negative`` should not come up (empty: none known); ``topic`` numbers what the pair is about,
    so that pairs of one topic are not set against each other (-1: of no topic).
    """

    query: str
    passage: str
    negative: str = ""
    topic: int = -1


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing people ask about: its passages, the ways it is asked for, its words."""

    key: str
    title: str
    passages: tuple[str, ...]
    asks: tuple[str, ...]
    words: tuple[tuple[str, ...], ...] = ()


def read_general(folder: Path) -> list[Pair]:
    """Read ``*.jsonl.gz`` files of ``query, passage`` rows, and of labelled ``a, b, label`` rows.

    From labelled rows come pairs (label 1) and hard negatives (label 0), which go to the pairs
    whose query they share. A pair that stands in several files is taken once.

    Args:
        folder: where the files lie; read in the order of their names.

    Raises:
        BadInput: there is no such file, or a row has neither form.
    """
    files = sorted(folder.glob("*.jsonl.gz"))
    if not files:
        raise BadInput(
            f"no *.jsonl.gz in {str(folder)!r}.",
            remedy="Give --data the folder that holds embedding/*.jsonl.gz.",
        )
    found: dict[tuple[str, str], None] = {}
    negatives: dict[str, str] = {}
    for file in files:
        for row in _rows(file):
            if "query" in row:
                found[row["query"], row["passage"][:PASSAGE_CHARACTERS]] = None
            elif int(row["label"]):
                found[row["a"], row["b"]] = None
            else:
                negatives[row["a"]] = row["b"]
                negatives[row["b"]] = row["a"]
    return [Pair(query, passage, negatives.get(query, "")) for query, passage in found]


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            row = json.loads(line)
            if not ({"query", "passage"} <= row.keys() or {"a", "b", "label"} <= row.keys()):
                raise BadInput(
                    f"{file.name} line {number}: keys {sorted(row)!r}.",
                    remedy="Rows need `query, passage` or `a, b, label`.",
                )
            yield row


def read_asks(file: Path, documents: Path) -> list[Topic]:
    """Read ``asks.jsonl`` and join each key with its passage in the source documents.

    Keys are ``000#Q12`` (the twelfth question of the document ``000…``) and ``002#`` followed by
    the first 20 characters of a paragraph of the document ``002…``. The second kind is joined on
    Chinese characters alone, after simplification and without bracketed pinyin, since the key and
    the document were cleaned differently.

    Raises:
        BadInput: a source document is missing.
    """
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
    questions = _questions(_document(documents, "000"))
    paragraphs = _paragraphs(
        _document(documents, "002"), [row["key"] for row in rows if row["key"].startswith("002")]
    )
    topics = []
    for row in rows:
        title, passage = (questions | paragraphs).get(row["key"], ("", ""))
        words = tuple(tuple(group) for group in row.get("terms", ()))
        passages = tuple(cut(passage))
        topics.append(Topic(row["key"], title, passages, tuple(row["asks"]), words))
    return topics


def _document(folder: Path, number: str) -> str:
    found = sorted(folder.glob(f"{number}_*.txt"))
    if not found:
        raise BadInput(
            f"no {number}_*.txt in {str(folder)!r}.",
            remedy="Give --playbook the folder of the source documents that the asks are keyed by.",
        )
    return simplified(clean(found[0].read_text(encoding="utf-8")))


def _questions(text: str) -> dict[str, tuple[str, str]]:
    headings = list(_QUESTION_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return {
        f"000#Q{heading[1]}": (heading[2].strip(), text[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    }


def _paragraphs(text: str, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Each key's title (none) and paragraph: from where its Chinese characters stand to the next
    key, or to the next numbered heading."""
    text = _PINYIN.sub("", text)
    at = [match.start() for match in _CHINESE.finditer(text)]
    stream = "".join(text[position] for position in at)
    starts: dict[str, int] = {}
    for key in keys:
        needle = simplified(_PINYIN.sub("", clean(key)))
        found = stream.find("".join(_CHINESE.findall(needle)))
        if found >= 0:
            starts[key] = at[found]
    headings = [match.start() for match in _SECTION.finditer(text)]
    stops = sorted({*starts.values(), *headings, len(text)})
    return {
        key: ("", text[start : next(stop for stop in stops if stop > start)].strip(" ?\n"))
        for key, start in starts.items()
    }


def read_knowledge(folder: Path) -> list[Topic]:
    """Read playbook entries: ``**/*.md`` with front matter ``id, title, asks`` and ``##`` sections.

    Files without front matter or without ``asks`` give a topic without asks, whose headings still
    pair with their text.
    """
    return [_entry(file, folder) for file in sorted(folder.rglob("*.md"))]


def _entry(file: Path, folder: Path) -> Topic:
    text = file.read_text(encoding="utf-8").replace("\r\n", "\n")
    match = _FRONT_MATTER.match(text)
    front = yaml.safe_load(match[1]) if match else {}
    body = match[2] if match else text
    title = str(front.get("title") or file.stem)
    parts = _BODY_HEADING.split(body)
    sections = [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
    passages = tuple(
        f"{title} {heading}\n{piece}"
        for heading, section in sections
        if not _NO_TEXT.fullmatch(section)
        for piece in cut(section.strip())
    )
    asks = tuple(str(ask) for ask in front.get("asks") or ())
    return Topic(str(front.get("id") or file.relative_to(folder)), title, passages, asks)


def joined(entries: Sequence[Topic], documents: Sequence[Topic]) -> list[Topic]:
    """The entries, each with the passages and asks of the document topics that say the same.

    Apart, a question about one would learn that the other does not answer it. A document's topic
    belongs to the entry that holds most of its characters' pairs, the rare ones counting more; one
    of which no entry holds `_HELD` stays a topic of its own.
    """
    texts = [_runs("".join((entry.title, *entry.passages))) for entry in entries]
    seen = Counter(run for text in texts for run in text)
    rare = {run: math.log(len(texts) / count) for run, count in seen.items()}
    found = list(entries)
    alone: list[Topic] = []
    for topic in documents:
        runs = _runs("".join(topic.passages))
        whole = sum(rare.get(run, 0.0) for run in runs)
        shares = [sum(rare[run] for run in runs & text) for text in texts]
        best = max(range(len(texts)), key=shares.__getitem__, default=-1)
        if best < 0 or not whole or shares[best] < _HELD * whole:
            alone.append(topic)
            continue
        entry = found[best]
        found[best] = replace(
            entry,
            passages=(*entry.passages, *topic.passages),
            asks=tuple(dict.fromkeys((*entry.asks, *topic.asks))),
            words=(*entry.words, *topic.words),
        )
    return found + alone


def _runs(text: str) -> frozenset[str]:
    """The pairs of neighbouring Chinese characters or digits in a text."""
    plain = re.sub(r"[^\u4e00-\u9fff0-9]", "", text)
    return frozenset(plain[i : i + 2] for i in range(len(plain) - 1))


def cut(text: str) -> Iterator[str]:
    """Cut at line ends (else anywhere) into pieces of at most `PASSAGE_CHARACTERS` characters."""
    piece = ""
    for line in text.splitlines():
        while len(line) > PASSAGE_CHARACTERS:
            yield from (piece,) * bool(piece)
            piece, line = line[:PASSAGE_CHARACTERS], line[PASSAGE_CHARACTERS:]
        if piece and len(piece) + len(line) >= PASSAGE_CHARACTERS:
            yield piece
            piece = ""
        piece = f"{piece}\n{line}".strip()
    yield from (piece,) * bool(piece)


def read_synonyms(file: Path) -> list[tuple[str, ...]]:
    """Read groups of words that mean the same.

    Args:
        file: one group per line, words between commas, without blank lines and ``#`` comments; or a
            glossary, ``*.csv`` with the columns ``term, synonyms, english``, words between ``|``.
    """
    text = file.read_text(encoding="utf-8-sig")
    if file.suffix == ".csv":
        rows = csv.DictReader(text.splitlines())
        columns = ("term", "synonyms", "english")
        groups = ["|".join(row.get(name) or "" for name in columns).split("|") for row in rows]
    else:
        lines = (line.strip() for line in text.splitlines())
        groups = [re.split("[,，]", line) for line in lines if not line.startswith("#")]
    words = (dict.fromkeys(word.strip() for word in group if word.strip()) for group in groups)
    return [tuple(group) for group in words if len(group) > 1]


def hold_out(
    topics: Sequence[Topic], share: float, seed: int
) -> tuple[tuple[Topic, ...], list[tuple[str, int]]]:
    """Take ``share`` of each topic's asks away for a dev set.

    Returns:
        the topics without those asks, and the asks with the index of their topic.
    """
    rng = random.Random(seed)
    kept: list[Topic] = []
    questions: list[tuple[str, int]] = []
    for index, topic in enumerate(topics):
        count = round(len(topic.asks) * share)
        away = set(rng.sample(range(len(topic.asks)), count))
        questions += [(topic.asks[number], index) for number in sorted(away)]
        asks = tuple(ask for number, ask in enumerate(topic.asks) if number not in away)
        kept.append(replace(topic, asks=asks))
    return tuple(kept), questions


def without(topics: Sequence[Topic], asks: Set[str]) -> tuple[Topic, ...]:
    """The topics without these asks."""
    return tuple(
        replace(topic, asks=tuple(ask for ask in topic.asks if ask not in asks)) for topic in topics
    )


def domain_pairs(
    topics: Sequence[Topic], groups: Sequence[Sequence[str]], rng: random.Random
) -> list[Pair]:
    """Pair each ask with some text of its topic and with another ask, each word with another of
    its group, and each title with its text.

    The texts are whole passages and runs of their sentences, since search compares a question with
    both and with asks; some characters stand apart (`_spaced`).
    """
    pairs: list[Pair] = []
    for number, topic in enumerate(topics):
        for ask in topic.asks:
            if topic.passages:
                pairs.append(Pair(ask, _extract(rng.choice(topic.passages), rng), topic=number))
            other = rng.choice(topic.asks)
            if other != ask:
                pairs.append(Pair(ask, other, topic=number))
        if topic.title:
            pairs += [Pair(topic.title, passage, topic=number) for passage in topic.passages]
        for words in topic.words:
            pairs += _synonyms(words, number, rng)
    for group in groups:
        pairs += _synonyms(group, -1, rng)
    return [
        replace(pair, query=_spaced(pair.query, rng), passage=_spaced(pair.passage, rng))
        for pair in pairs
    ]


def _extract(passage: str, rng: random.Random) -> str:
    """The passage, or (every other time) one to three neighbouring sentences of it."""
    sentences = [each for each in _SENTENCE_END.split(passage) if len(each.strip()) > _TITLE]
    if len(sentences) < 2 or rng.random() < 0.5:
        return passage
    start = rng.randrange(len(sentences))
    return "".join(sentences[start : start + rng.randint(1, 3)])


def _spaced(text: str, rng: random.Random) -> str:
    """The text with a blank after some characters: words fall apart and their characters learn."""
    return "".join(each + " " * (rng.random() < _APART) for each in text)


def _synonyms(words: Sequence[str], topic: int, rng: random.Random) -> Iterator[Pair]:
    different = list(dict.fromkeys(words))
    if len(different) > 1:
        for word in different:
            other = rng.choice([other for other in different if other != word])
            yield Pair(word, other, topic=topic)


def topic_form(topic: Topic) -> Topic:
    """The topic with all its texts in search form."""
    return Topic(
        topic.key,
        search_form(topic.title),
        tuple(map(search_form, topic.passages)),
        tuple(dict.fromkeys(map(search_form, topic.asks))),
        tuple(tuple(map(search_form, group)) for group in topic.words),
    )


def pair_form(pair: Pair) -> Pair:
    """The pair with all its texts in search form."""
    return replace(
        pair,
        query=search_form(pair.query),
        passage=search_form(pair.passage),
        negative=search_form(pair.negative),
    )
