"""The console's page: chat with citations that open the passage."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, Request
from starlette.types import ASGIApp

from copilot.agent.graph import Delta, ToolUse
from copilot.agent.tools import Caller
from copilot.app import Asked, Copilot, Replied
from copilot.console import sources
from copilot.desk.journal import Rating
from copilot.errors import BadInput, NotFound
from copilot.language import strings

log = logging.getLogger(__name__)

Messages = list[dict[str, Any]]

_EXAMPLES = ("first", "second", "third", "fourth")


def mount(
    app: FastAPI,
    copilot: Copilot,
    *,
    path: str,
    user: Callable[[Request], str | None],
    caller: Callable[[str], Caller],
) -> ASGIApp:
    """Mount the console on the API's application.

    Args:
        user: the name of whoever is signed in, ``None`` for nobody; guards every handler.
        caller: whom to answer, by that name.
    """
    say = partial(strings.text, language=copilot.settings.language)
    blocks = build(copilot, caller)
    blocks.queue(default_concurrency_limit=copilot.settings.workers)
    files = Path(__file__).parent
    mounted: ASGIApp = gr.mount_gradio_app(
        app,
        blocks,
        path,
        auth_dependency=user,
        footer_links=[],
        show_error=True,
        max_file_size="1kb",
        theme=_theme(),
        css=(files / "console.css").read_text("utf-8"),
        head=f"<script>{(files / 'console.js').read_text('utf-8')}</script>"
        f'<meta name="description" content="{say("console.title")}">',
    )
    return mounted


def build(copilot: Copilot, caller: Callable[[str], Caller]) -> gr.Blocks:
    """The page's components and what they do."""
    say = partial(strings.text, language=copilot.settings.language)
    blocks = gr.Blocks(title=say("console.title"), analytics_enabled=False, fill_height=True)
    with blocks:
        thread = gr.State(lambda: secrets.token_hex(8))
        answers = gr.State(list[str]())
        panels = gr.State("")
        with gr.Row(elem_id="top"):
            gr.HTML(
                f'<h1>{say("console.title")}</h1><form method="post" action="/logout">'
                f'<button id="leave">{say("console.leave")}</button></form>',
                elem_id="bar",
            )
        with gr.Row(elem_id="desk", equal_height=True):
            with gr.Column(scale=7, elem_id="talk"):
                chat = gr.Chatbot(
                    elem_id="chat",
                    show_label=False,
                    height="calc(100vh - 210px)",
                    placeholder=f"### {say('console.empty')}\n{say('console.empty_hint')}",
                    examples=[{"text": say(f"console.example.{name}")} for name in _EXAMPLES],
                    buttons=["copy"],
                    layout="bubble",
                    group_consecutive_messages=False,
                )
                with gr.Row(elem_id="ask"):
                    box = gr.Textbox(
                        elem_id="box",
                        show_label=False,
                        container=False,
                        placeholder=say("console.box"),
                        scale=8,
                        autofocus=True,
                        max_length=4000,
                    )
                    send = gr.Button(
                        say("console.send"),
                        variant="primary",
                        elem_id="send",
                        scale=1,
                        min_width=80,
                    )
                    fresh = gr.Button(say("console.new"), elem_id="fresh", scale=1, min_width=96)
            with gr.Column(scale=4, elem_id="side"):
                gr.HTML(f"<h2>{say('console.sources')}</h2>")
                panel = gr.HTML(_empty_panel(say), elem_id="panel")
        take = partial(_take, say=say)
        answer = partial(_answer, copilot, caller, say)
        state = [chat, panel, panels, answers]
        for event in (box.submit, send.click):
            event(take, [box, chat], [box, chat], queue=False, api_visibility="private").then(
                answer,
                [chat, thread, panels, answers],
                state,
                api_visibility="private",
                show_progress="hidden",
            )
        chat.example_select(_choose, [chat], [chat], queue=False, api_visibility="private").then(
            answer,
            [chat, thread, panels, answers],
            state,
            api_visibility="private",
            show_progress="hidden",
        )
        fresh.click(
            lambda: ([], secrets.token_hex(8), _empty_panel(say), "", []),
            None,
            [chat, thread, panel, panels, answers],
            queue=False,
            api_visibility="private",
        )
        chat.like(partial(_rate, copilot, say), [chat, answers], None, api_visibility="private")
    return blocks


def _take(question: str, chat: Messages, *, say: Callable[[str], str]) -> tuple[Any, Messages]:
    """Move the question from the box into the conversation."""
    if not question.strip():
        gr.Info(say("answer.empty"))
        return "", chat
    return "", [*chat, {"role": "user", "content": question}]


def _choose(chat: Messages, chosen: gr.SelectData) -> Messages:
    return [*chat, {"role": "user", "content": chosen.value["text"]}]


def _answer(
    copilot: Copilot,
    caller: Callable[[str], Caller],
    say: Callable[[str], str],
    chat: Messages,
    thread: str,
    panels: str,
    answers: list[str],
    request: gr.Request,
) -> Iterator[tuple[Messages, str, str, list[str]]]:
    """Answer the last message as it comes; then link its marks to the panel."""
    if not chat or chat[-1]["role"] != "user":
        yield chat, panels or _empty_panel(say), panels, answers
        return
    name = str(request.username)
    conversation = json.dumps(["console", name, thread])
    asked = Asked(_text(chat[-1]), caller(name), "console", conversation)
    shown = {"role": "assistant", "content": say("console.searching")}
    talk = [*chat, shown]
    shut = panels or _empty_panel(say)
    text = ""
    try:
        for event in copilot.stream(asked):
            if isinstance(event, ToolUse) and not text:
                yield [*chat, shown], shut, panels, answers
            elif isinstance(event, Delta):
                text += event.text
                yield [*chat, {"role": "assistant", "content": text}], shut, panels, answers
            elif isinstance(event, Replied):
                linked = sources.linked(event.answer.text, event.id)
                talk = [*chat, {"role": "assistant", "content": linked}]
                new = sources.panel(event.answer.citations, event.answer.text, event.id)
                panels = new + panels
                answers = [*answers, event.id]
        yield talk, panels or _empty_panel(say), panels, answers
    except BadInput:
        sorry = {"role": "assistant", "content": say("answer.too_long")}
        yield [*chat, sorry], shut, panels, [*answers, ""]
    except Exception:
        log.exception("a console answer failed")
        sorry = {"role": "assistant", "content": say("server.internal")}
        yield [*chat, sorry], shut, panels, [*answers, ""]


def _rate(
    copilot: Copilot,
    say: Callable[[str], str],
    chat: Messages,
    answers: list[str],
    data: gr.LikeData,
) -> None:
    """Keep a 👍 or 👎 with the answer it was given to."""
    index = data.index if isinstance(data.index, int) else data.index[0]
    before = [each for each in chat[: index + 1] if each["role"] == "assistant"]
    if not before or len(before) > len(answers) or not answers[len(before) - 1]:
        return
    rating: Rating | None = {"Like": "like", "Dislike": "dislike"}.get(  # type: ignore[assignment]
        str(data.liked),
        "like" if data.liked is True else "dislike" if data.liked is False else None,
    )
    try:
        copilot.journal.rate(answers[len(before) - 1], rating)
        gr.Info(say("console.rated"))
    except NotFound:
        log.warning("rating for an answer that is not in the journal")


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)


def _empty_panel(say: Callable[[str], str]) -> str:
    return f'<p class="hint">{say("console.no_sources")}</p>'


def _theme() -> gr.themes.Base:
    fonts = ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.emerald, neutral_hue=gr.themes.colors.stone, font=fonts
    )
