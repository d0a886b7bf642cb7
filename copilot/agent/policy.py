"""What the offline model does next: which tool, or what it says from what the tools found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from copilot.agent.tools import Artifact, artifacts, evidence_of, gathered, this_turn
from copilot.jobs.answer import Similarity, compose
from copilot.language import normalize, questions, segment
from copilot.playbook.evidence import Audience

Kind = Literal["answer", "premise", "refused", "handoff", "greeting", "thanks", "about"]

# Under this key an offline message says what kind it is.
KIND = "copilot_kind"

# Under this key a remembered answer says which passages its numbers stand for, in their order.
CITED = "copilot_cited"

# What stands above each part of an answer; figures would pass for the passages'.
_PLACES = ("一、", "二、", "三、")

# A wrong premise is put right in a part of the room an answer has.
_PUT_RIGHT = 3

# A part whose first passage is among the first so many of the other's asks about the same thing.
_SAME = 3

_HANDOFF = re.compile(
    r"转(?:接)?(?:到)?(?:一下)?(?:真人|人工)|(?:找|叫|要|联系|呼叫|换)(?:个|一下)?(?:真人|人工|活人)"
    r"|(?:人工|真人)(?:客服|服务)|^人工$|talk to (?:a )?(?:human|person)|human agent"
)
# Asking how to set up a hand-over is a question about running a community, not a wish for one.
_ABOUT_HANDOFF = re.compile(r"怎么|如何|什么时候|要不要|流程|设置|策略|话术|规则|成本|替代|区别")
# How to reach a person is a wish for one, however it is put.
_REACH = re.compile(
    r"(?:怎么|如何|哪里|哪儿)(?:才?能)?(?:联系|找到?|转接?)(?:你们|咱们)?的?(?:真人|人工)(?:客服)?$"
)
_GREETING = re.compile(
    r"(?:你好|您好|哈喽|哈啰|嗨|hi|hello|hey|在吗|在不在|在么|早上好|早安|早|中午好|下午好|晚上好|大家好)"
    r"(?:啊|呀|哦|呢|鸭|机器人|小助手|助手|在吗)*"
)
_THANKS = re.compile(
    r"(?:好的?|嗯+|哦|ok|行)?\s*(?:谢谢|多谢|感谢|谢了|谢啦|辛苦了?|3q|thanks?|thank you|thx)"
    r"(?:你|您|啦|了|啊|呀|大家|\s*so much|\s*very much|哈)*"
)
_ABOUT = re.compile(
    r"(?:你|您)(?:是谁|是什么|叫什么|能做什么|会什么|能干什么|能干嘛|可以做什么|是机器人吗?|有什么功能)"
    r"(?:名字|呀|啊|呢)*|who are you|what can you do"
)
_OPEN = re.compile(
    r"(?:展开|看看|打开|详细说说?|读一下|原文)(?:第)?\s*\[?(\d{1,2})\]?\s*(?:条|段|个)?"
)
_SIGNS = re.compile(r"[。.!?~,、…;:\-]+")
# How a question begins that leans on the one before.
_LEANS = re.compile(
    r"^(?:那|那么|然后|还有|另外|再|它|他们|这个|这些|这种|上面|刚才|前面|具体|为什么呢|呢)"
)


# What of a follow-up only leans on the question before it.
_LEANING = re.compile(r"^\s*(?:那么?|然后|还有|另外|再)[,，]?|呢?[?？。!！]*\s*$")


class Policy:
    """Answers for the offline chat model; holds no state between calls."""

    def __init__(
        self,
        similarity: Similarity,
        say: Callable[[str], str],
        audience: Audience,
    ) -> None:
        """Args:
        similarity: ranks statements against a question.
        say: the catalogue's text for a kind of small talk.
        audience: who is being answered.
        """
        self._similarity = similarity
        self._say = say
        self._audience = audience

    def respond(self, messages: list[BaseMessage], tools: tuple[str, ...]) -> AIMessage:
        """The next message: small talk, a tool call, or an answer from what tools found."""
        turn = this_turn(messages)
        last = turn[-1]
        if isinstance(last, ToolMessage):
            return self._answer(turn)
        question = _text(last)
        kind = small_talk(question)
        if kind is not None:
            return _message(self._say(kind), kind)
        asked = _opened(question, messages[: -len(turn)])
        if asked and "read_section" in tools:
            return _call("read_section", {"passage_id": asked}, len(messages))
        query = standalone(question, messages[: -len(turn)])
        parts = questions.parts(question) if query == question else [query]
        return _calls("search_playbook", [{"query": each} for each in parts], len(messages))

    def _answer(self, turn: Sequence[BaseMessage]) -> AIMessage:
        looked_up = artifacts(turn)
        found = [artifact for artifact in looked_up if artifact["enough"]]
        numbers = {citation.id: citation.n for citation in gathered(turn)}
        wrong = [artifact for artifact in looked_up if artifact.get("premise")]
        if not found and wrong:
            evidence = evidence_of(wrong[0], wrong[0]["query"], self._audience)
            right = compose(evidence, self._similarity, numbers, share=_PUT_RIGHT)
            return _message(f"{self._say('premise')}\n{right}", "premise")
        if not found:
            return _message(self._say("refused"), "refused")
        if len(looked_up) > 1 and not _together(looked_up):
            return _message(self._by_part(looked_up, numbers), "answer")
        question = _text(turn[0]) if len(looked_up) > 1 else found[-1]["query"] or _text(turn[0])
        evidence = evidence_of(found[0], question, self._audience)
        return _message(compose(evidence, self._similarity, numbers), "answer")

    def _by_part(self, looked_up: Sequence[Artifact], numbers: Mapping[str, int]) -> str:
        """What is known of each part of a question, and which part is not known."""
        blocks = []
        for place, artifact in zip(_PLACES, looked_up, strict=False):
            if artifact["enough"]:
                evidence = evidence_of(artifact, artifact["query"], self._audience)
                share = max(1, sum(each["enough"] for each in looked_up))
                said = compose(evidence, self._similarity, numbers, share=share)
            else:
                said = self._say("unknown_part")
            asked = artifact["query"].strip(" ？?。")
            blocks.append(f"{place}{asked}：\n{said}")
        return "\n\n".join(blocks)


def _together(looked_up: Sequence[Artifact]) -> bool:
    """Whether the parts of a question lead to the same passage, so that one answer serves all."""
    first, *others = [[hit["passage"]["id"] for hit in each["hits"]] for each in looked_up]
    return bool(first) and all(first[0] in ids[:_SAME] for ids in others)


def small_talk(question: str) -> Kind | None:
    """The kind of small talk or request for a person that a message is, if it is one."""
    form = _SIGNS.sub("", normalize.search_form(question)).strip()
    wished = _HANDOFF.search(form) and not _ABOUT_HANDOFF.search(form)
    if (wished or _REACH.search(form)) and len(form) <= 30:
        return "handoff"
    patterns: tuple[tuple[re.Pattern[str], Kind], ...] = (
        (_GREETING, "greeting"),
        (_THANKS, "thanks"),
        (_ABOUT, "about"),
    )
    return next((kind for pattern, kind in patterns if pattern.fullmatch(form)), None)


def standalone(question: str, before: Sequence[BaseMessage]) -> str:
    """The question, with the one before it when it cannot stand alone (「那预算呢？」)."""
    earlier = [_text(each) for each in before if isinstance(each, HumanMessage)]
    earlier = [each for each in earlier if small_talk(each) is None]
    if not earlier or not (_leans(question) or _content(question) <= 1):
        return question
    # One follow-up after another: what they all lean on.
    topic = next((each for each in reversed(earlier) if not _leans(each)), earlier[0])
    # First what is new, without the words that only lean: the whole reads as one question then.
    return f"{_LEANING.sub('', question).strip()} {topic}".strip()


def _leans(question: str) -> bool:
    form = normalize.search_form(question).strip()
    begins_or_ends = _LEANS.match(form) or form.endswith(("呢", "呢?", "呢？"))
    return bool(begins_or_ends) and _content(question) <= 4


def _content(question: str) -> int:
    return len(segment.content_words(question))


def _opened(question: str, before: Sequence[BaseMessage]) -> str:
    """The passage that 「展开[2]」 means in the answer before, if the message says that."""
    match = _OPEN.fullmatch(normalize.search_form(question).strip(" 。.!?"))
    if match is None:
        return ""
    said = next((each for each in reversed(before) if isinstance(each, AIMessage)), None)
    cited = said.response_metadata.get(CITED, []) if said else []
    n = int(match.group(1))
    return str(cited[n - 1]) if 0 < n <= len(cited) else ""


def _text(message: BaseMessage) -> str:
    return message.text if isinstance(message.text, str) else str(message.content)


def _message(text: str, kind: Kind) -> AIMessage:
    metadata: dict[str, Any] = {KIND: kind, "model_name": "offline"}
    return AIMessage(content=text, response_metadata=metadata)


def _call(name: str, args: dict[str, str], place: int) -> AIMessage:
    return _calls(name, [args], place)


def _calls(name: str, given: Sequence[dict[str, str]], place: int) -> AIMessage:
    return AIMessage(
        content="",
        tool_calls=[
            {"name": name, "args": args, "id": f"offline-{place}-{n}", "type": "tool_call"}
            for n, args in enumerate(given)
        ],
        response_metadata={"model_name": "offline"},
    )
