"""Rivals: BM25 alone, vectors alone and LangChain's textbook pipeline, over what ours indexes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import bm25s  # type: ignore[import-untyped]
import chromadb
import numpy as np
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter

from copilot.app import Copilot
from copilot.language import segment
from copilot.models.embedder import Embedder
from copilot.playbook.clean import Document, clean_document
from copilot.playbook.evidence import Passage
from copilot.playbook.passages import split
from copilot.playbook.read import Limits, read
from copilot.playbook.rows import to_embed

# Hits asked of each: as many as `evals.retrieval` asks of ours, so that its numbers are the same.
DEPTH = 10

# The textbook's pieces, in characters. By its default separators Chinese is cut at line ends and
# then anywhere: its documentation advises to add the marks of the language.
CHUNK, OVERLAP = 400, 50
SEPARATORS = ("\n\n", "\n", "。", "！", "？", "；", "，", "、", " ", "")


@dataclass(frozen=True, slots=True)
class Source:
    """A file as every retriever gets it: cleaned, and cut into our passages without their asks."""

    document: Document
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """A retriever: its name, how many pieces it chooses from, and what it does with a question.

    ``find`` gives the texts of the pieces found, best first, `DEPTH` at most.
    """

    name: str
    pieces: int
    find: Callable[[str], list[str]]


def sources(paths: Sequence[Path]) -> list[Source]:
    """Read files or folders as `copilot index` does; what it leaves out is left out here."""
    found = []
    for path in paths:
        for reading in read(path, Limits()):
            if reading.status != "read":
                continue
            document = clean_document(reading.source, reading.text, kind=reading.kind)
            passages = split(document, root=str(path), audience="member")
            found.append(Source(document, tuple(passages)))
    return found


def ours(copilot: Copilot) -> Side:
    """`Copilot.search`, with asks, glossary and all."""

    def find(question: str) -> list[str]:
        return [_text(hit.passage) for hit in copilot.search(question, "operator", DEPTH)]

    return Side("ours", copilot.health().passages, find)


def words(given: Sequence[Source]) -> Side:
    """BM25 over passages and their headings, by bm25s (Lucene's variant, k1 1.5, b 0.75).

    The words are ours (`copilot.language.segment`): by bm25s's own it finds nothing in Chinese.
    """
    texts = [_text(passage) for source in given for passage in source.passages]
    index = bm25s.BM25()
    index.index([segment.words(text) for text in texts], show_progress=False)
    most = min(DEPTH, len(texts))

    def find(question: str) -> list[str]:
        asked = segment.words(question)
        if not asked:
            return []
        places, scores = index.retrieve([asked], k=most, show_progress=False)
        # It fills up with passages that share no word.
        return [texts[at] for at, score in zip(places[0], scores[0], strict=True) if score > 0]

    return Side("BM25 alone", len(texts), find)


def vectors(given: Sequence[Source], embedder: Embedder) -> Side:
    """Exact cosine between the question and every passage, embedded as ours are."""
    passages = [passage for source in given for passage in source.passages]
    texts = [_text(passage) for passage in passages]
    held = embedder.encode([to_embed(each.title, each.section, each.text) for each in passages])

    def find(question: str) -> list[str]:
        cosines = held @ embedder.encode([question])[0]
        return [texts[at] for at in np.argsort(-cosines, kind="stable")[:DEPTH]]

    return Side("vectors alone", len(texts), find)


class Adapter(Embeddings):
    """Our embedder as LangChain asks one."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text."""
        return self._embedder.encode(texts).tolist()  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        """A question's vector."""
        return self.embed_documents([text])[0]


@contextmanager
def textbook(given: Sequence[Source], embedder: Embedder) -> Iterator[Side]:
    """LangChain's own recipe: fixed pieces of each file's text in Chroma, similarity search.

    A piece is scored with its document's title, which the recipe keeps as metadata: that is more
    than it shows a model. Chroma lies in a temporary folder that is gone afterwards.
    """
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=CHUNK,
        chunk_overlap=OVERLAP,
        separators=list(SEPARATORS),
        # Else a sentence's full stop begins the next piece.
        keep_separator="end",
    )
    pieces = splitter.create_documents(
        [plain(source.document) for source in given],
        [{"title": source.document.title} for source in given],
    )
    quiet = chromadb.Settings(anonymized_telemetry=False)
    with (
        tempfile.TemporaryDirectory(prefix="copilot-rival-") as folder,
        closing(chromadb.PersistentClient(folder, quiet)) as client,
    ):
        store = Chroma(client=client, embedding_function=Adapter(embedder))
        store.add_documents(pieces)

        def find(question: str) -> list[str]:
            found = store.similarity_search(question, k=DEPTH)
            return [f"{each.metadata['title']}\n{each.page_content}" for each in found]

        yield Side("LangChain textbook", len(pieces), find)


def plain(document: Document) -> str:
    """A cleaned document as one text: title, headings (numbers included) and bodies in order."""
    parts = [document.title]
    above: tuple[str, ...] = ()
    for section in document.sections:
        shared = 0
        while shared < min(len(above), len(section.path) - 1) and (
            above[shared] == section.path[shared]
        ):
            shared += 1
        *upper, own = section.path[shared:] or ("",)
        if section.number and not own.startswith(section.number):
            own = f"{section.number} {own}"
        parts += [*upper, own, section.text]
        above = section.path
    return "\n\n".join(part for part in map(str.strip, parts) if part)


def _text(passage: Passage) -> str:
    """What a passage says, asks left out."""
    return f"{passage.title}\n{passage.section}\n{passage.text}"
