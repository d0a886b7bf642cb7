"""Answers composed from passages: their own structure, every statement cited."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from copilot.language import normalize, questions, segment
from copilot.playbook.evidence import Audience, Evidence, Passage

Similarity = Callable[[str, Sequence[str]], Sequence[float]]

# Characters of the body, sources not counted. Members read on a phone in a group; operators and
# trainees at a desk (issue "Foundation", 7: at most about 400 for members).
BODY: dict[Audience, int] = {"member": 300, "operator": 1100, "trainee": 1100}

# A passage further down speaks only when it came up almost as strongly as the best one (standard
# deviations of the fused score), and only with its best statements. Chosen on
# evals/data/questions.dev.jsonl (`make eval`).
NEAR = 2.5
PASSAGES = 4

# Share of the room that the best passage may fill when others have something to say.
FIRST = 0.75

# What a figure in a statement counts for when one is asked for, beside a cosine and a share (0–1).
FIGURE = 0.3

# Characters that the head of a list item has at least: 「一级」 alone says nothing.
_SHORTEST_HEAD = 6

_ITEM = re.compile(r"^\s*(?:[-*+](?=\s)|[•·]|\d{1,3}[.、)）](?!\d)|[（(]\d{1,3}[)）])\s*")
# What an interview or FAQ prints before its own question; the question is not an answer.
_ASKED = re.compile(
    r"^(?:面试题|面試題|题目|題目|问题|問題|问|問|Q(?:uestion)?)\s*\d*\s*[：:.]", re.I
)
# Where our entries note what a statement was taken from: （002 §4.2）, （000 Q18）. Who edits the
# playbook wants it, who reads an answer has the passage's own mark.
_NOTE = re.compile(r"[（(]\d{3}\s*(?:§|Q)[^（）()]*[）)]")
# Links to other entries say nothing without the page they lead to; 「另见」 goes with them.
_LINK = re.compile(
    r"[（(]?(?:(?:可以|也可|请)?(?:参考|另)?(?:参?见|看))?[:：]?\s*\[\[[^\[\]]*\]\]"
    r"(?:[、和与]\[\[[^\[\]]*\]\])*[)）]?"
)
# What stands before a part and says nothing by itself.
_LABEL = re.compile(r"^(?:答案|解析|回答|答|要点|说明|說明|解答|A(?:nswer)?)\s*[：:]\s*", re.I)
# A comma belongs to a number only as a thousands separator: 1,500 is one, 1,2,3 are three.
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+(?:\.\d+)*")
_MARK = re.compile(r"\[(\d{1,3})\]")
_FOOTNOTE = re.compile(r"\[(\s*\d+\s*)\]")
_BOLD = re.compile(r"\*\*|__")
_SIGN = re.compile(r"(?<=[\u4e00-\u9fff》”\")）%])[,;:!?](?![A-Za-z0-9])")
_WIDE = {",": "，", ";": "；", ":": "：", "!": "！", "?": "？"}
_NUMBERED = re.compile(r"(?:Q?\d+(?:\.\d+)*|第?[一二三四五六七八九十百]+[、章节節])\s*")
_RULE = re.compile(r"^(?:\||`{3}|-{3}|={3}|#)")
# A line that is nothing but a heading in bold, as joined sections have.
_HEADING = re.compile(r"^\s*\*\*[^*]+\*\*\s*$")


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage that stands behind the marks ``[n]`` of an answer."""

    n: int
    id: str
    title: str
    section: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, and what it rests on.

    ``facts`` holds computed facts (none before the community's records are there); ``handoff`` says
    that a person should take over; ``degraded`` that the configured model failed and the offline
    one spoke.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    confidence: float
    refused: bool = False
    handoff: bool = False
    facts: tuple[dict[str, object], ...] = ()
    degraded: bool = False


def as_object(answer: Answer) -> dict[str, object]:
    """An answer as every door gives it: the keys of `copilot ask --json` (docs/json.md)."""
    return {
        "q": answer.question,
        "text": answer.text,
        "citations": [asdict(citation) for citation in answer.citations],
        "facts": list(answer.facts),
        "refused": answer.refused,
        "handoff": answer.handoff,
        "confidence": round(answer.confidence, 4),
        "degraded": answer.degraded,
    }


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence or list item of a passage; ``item`` is its bullet, empty for a sentence."""

    text: str
    item: str
    head: str


def cite(n: int, passage: Passage) -> Citation:
    """A citation of a passage under a number."""
    return Citation(n, passage.id, passage.title, passage.section, passage.source, passage.text)


def compose(
    evidence: Evidence, similarity: Similarity, numbers: Mapping[str, int], *, share: int = 1
) -> str:
    """Write an answer from evidence that passed the gate.

    Args:
        similarity: how near statements are to the question, one number each (higher is nearer).
        numbers: passage id → the number it is cited by.
        share: among how many answers the room is divided.

    Returns:
        the body, in the script of the question, with ``[n]`` after each statement.
    """
    budget = BODY[evidence.audience] // share
    best = evidence.hits[0].score
    near = [hit for hit in evidence.hits[:PASSAGES] if best - hit.score <= NEAR]
    documents = list(dict.fromkeys(hit.passage.source for hit in near))
    blocks: dict[tuple[int, int, int], str] = {}
    for place, hit in enumerate(near):
        passage = hit.passage
        room = budget - sum(map(len, blocks.values()))
        if place and room < budget // 8:
            break
        if place == 0 and len(near) > 1:
            room = int(budget * FIRST)
        statements = _statements(passage)
        chosen = _choose(evidence.question, statements, similarity, room, whole=place == 0)
        if chosen:
            # What is said of one document stands together, in the document's order.
            key = (documents.index(passage.source), passage.position, place)
            blocks[key] = _render(chosen, numbers[passage.id], _heading(passage))
    parts = [blocks[key] for key in sorted(blocks)]
    if len(parts) == 1:
        # One passage needs no heading to tell it from others.
        parts = [parts[0].split("\n", 1)[1]]
    return in_script_of(evidence.question, _chinese_signs("\n\n".join(parts)))


def _chinese_signs(text: str) -> str:
    """Commas and stops after Chinese characters, in the width that people read them."""
    return _SIGN.sub(lambda match: _WIDE[match.group()], text)


def in_script_of(question: str, text: str) -> str:
    """The text in the script, traditional or simplified, that the question is written in."""
    if normalize.is_traditional(question):
        return normalize.traditional(text)
    return normalize.simplified(text)


def sources(citations: Sequence[Citation], label: str) -> str:
    """The lines below an answer that name its sources, since bots drop everything but text.

    Args:
        label: what the lines begin with (`来源：`).
    """
    lines = []
    for citation in citations:
        section = citation.section.split(" › ")[-1]
        place = f"§{section}" if section and section != citation.title else ""
        lines.append(f"{label}[{citation.n}]《{citation.title}》{place}")
    return "\n".join(lines)


def unsupported(statement: str, passages: Sequence[Citation]) -> str:
    """Why a statement may not be said, or nothing when it may.

    Every mark must belong to a passage, and every number must stand in one of the passages that the
    statement cites (in any of them when it cites none).
    """
    known = {citation.n: citation for citation in passages}
    marks = [int(n) for n in _MARK.findall(statement)]
    if missing := [n for n in marks if n not in known]:
        return f"cites [{missing[0]}], which is no passage"
    body = _ITEM.sub("", _MARK.sub("", statement))
    behind = [known[n] for n in marks] or list(passages)
    held = numbers("\n".join(f"{c.title}\n{c.section}\n{c.text}" for c in behind))
    for number in numbers(body):
        if number not in held:
            return f"says {number}, which no cited passage says"
    return ""


def numbers(text: str) -> set[str]:
    """The numbers in a text, in one notation (full-width folded, thousands separators dropped)."""
    return {number.replace(",", "") for number in _NUMBER.findall(normalize.search_form(text))}


def _statements(passage: Passage) -> list[Statement]:
    """The passage's sentences and list items, without its labels and its own question."""
    found: list[Statement] = []
    for line in passage.text.split("\n"):
        if _HEADING.match(line):
            continue
        # A document's own footnote marks would pass for citations.
        line = _FOOTNOTE.sub(r"［\1］", without_notes(line))
        match = _ITEM.match(line)
        body = _BOLD.sub("", line[match.end() :] if match else line).strip()
        if match and body:
            head = _head(body)
            found.append(Statement(body, match.group().strip(), head))
            continue
        if _ASKED.match(body) or _RULE.match(body):
            continue
        body = _LABEL.sub("", body)
        if not body or body.endswith(("？", "?", "：", ":")):
            continue
        parts: list[str] = []
        for sentence in segment.sentences(body):
            # A remark in brackets belongs to the sentence before it; signs alone say nothing.
            if parts and (sentence.startswith(("（", "(")) or not _speaks(sentence)):
                parts[-1] += sentence
            else:
                parts.append(sentence)
        found.extend(Statement(part.strip(), "", "") for part in parts if _speaks(part))
    return found


def _head(item: str) -> str:
    """What a list item may be cut to; all of it when its beginning would say too little."""
    head = re.split(r"[：:。]", item, maxsplit=1)[0]
    return head if len(head) >= _SHORTEST_HEAD and head.count("【") == head.count("】") else item


def without_notes(text: str) -> str:
    """A text without the notes of what its statements were taken from, and links to entries."""
    return _LINK.sub("", _NOTE.sub("", text))


def _speaks(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _choose(
    question: str,
    statements: list[Statement],
    similarity: Similarity,
    room: int,
    *,
    whole: bool,
) -> list[Statement]:
    """What is said of a passage within the room, in the passage's order."""
    if not statements:
        return []
    size = sum(len(each.text) for each in statements)
    if whole and size <= room:
        return statements
    worth = _worth(question, statements, similarity)
    items = [i for i, each in enumerate(statements) if each.item]
    keep: set[int] = set()
    left = room if whole else min(room, 220)
    if len(items) >= 3 and (whole or max(worth[i] for i in items) >= max(worth)):
        # A list is kept whole, its items cut to their heads when they are too long together.
        full = sum(len(statements[i].text) for i in items)
        if full > left:
            for i in items:
                # A head that loses the figure loses the point.
                if numbers(statements[i].text) == numbers(statements[i].head):
                    statements[i] = Statement(statements[i].head, statements[i].item, "")
            full = sum(len(statements[i].text) for i in items)
        if full <= left * 1.2:
            keep.update(items)
            left -= full
    limit = len(statements) if whole else 3
    for i in sorted(range(len(statements)), key=lambda i: -worth[i]):
        if i in keep or len(statements[i].text) > left or limit <= 0:
            continue
        keep.add(i)
        left -= len(statements[i].text)
        limit -= 1
    if whole and not keep:
        # Nothing fits: the beginning of what bears most on the question.
        best = max(range(len(statements)), key=lambda i: worth[i])
        statements[best] = replace(statements[best], text=_cut(statements[best].text, room))
        keep.add(best)
    return [each for i, each in enumerate(statements) if i in keep]


def _cut(sentence: str, room: int) -> str:
    """A sentence up to the end of a clause, and a sign that it goes on."""
    head = sentence[: room - 2]
    clause = max(head.rfind(sign) for sign in "，；,;")
    # Half a number would be another number.
    return (head[:clause] if clause > room // 2 else head.rstrip("0123456789.,%")) + "……"


def _worth(question: str, statements: Sequence[Statement], similarity: Similarity) -> list[float]:
    """How much each statement bears on the question: nearness, plus the words they share.

    Who asks how much or how long is told a figure: statements without one come after.
    """
    texts = [each.text for each in statements]
    near = similarity(question, texts)
    wanted = set(segment.content_words(question))
    shared = [
        sum(word in normalize.search_form(text) for word in wanted) / max(1, len(wanted))
        for text in texts
    ]
    figure = FIGURE * questions.asks_figure(question)
    told = [figure * bool(numbers(text)) for text in texts]
    return [float(a) + b + c for a, b, c in zip(near, shared, told, strict=True)]


def _heading(passage: Passage) -> str:
    """What a part of the answer is about: a numbered section by itself, else with the title."""
    section = passage.section.split(" › ")[-1]
    if not section or section == passage.title or passage.title in section:
        return section or passage.title
    return section if _NUMBERED.match(section) else f"{passage.title}：{section}"


def _render(statements: Sequence[Statement], n: int, heading: str) -> str:
    """A heading, then items on lines of their own and sentences run on; a mark after each."""
    lines: list[str] = [f"【{heading}】[{n}]", ""]
    for each in statements:
        text = f"{each.text}[{n}]"
        if each.item:
            lines += [f"{each.item} {text}", ""]
        else:
            lines[-1] += text
    return "\n".join(line for line in lines if line)
