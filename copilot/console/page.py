"""The console's page: its layout, its look, and how it is mounted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr
from fastapi import FastAPI, Request
from starlette.types import ASGIApp

from copilot.agent.tools import Caller
from copilot.app import LONGEST_QUESTION, Copilot
from copilot.console import turns
from copilot.console.sources import Say
from copilot.console.talk import Talk
from copilot.language import strings


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
    settings = copilot.settings
    say = partial(strings.text, language=settings.language)

    async def mounted() -> ASGIApp:
        blocks = build(copilot, caller, say)
        blocks.queue(
            default_concurrency_limit=settings.workers, max_size=settings.workers + settings.queue
        )
        made: ASGIApp = gr.mount_gradio_app(
            app,
            blocks,
            path,
            auth_dependency=user,
            footer_links=[],
            run_history=False,
            show_error=False,
            max_file_size="1kb",
            ssr_mode=False,
            enable_monitoring=False,
            mcp_server=False,
            theme=_theme(),
            head=_head(say),
        )
        return made

    # Outside of an event loop Gradio opens several of its own and never closes them; in a thread,
    # since the caller may be in one already.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(mounted())).result()


def build(copilot: Copilot, caller: Callable[[str], Caller], say: Say) -> gr.Blocks:
    """The page's components and what they do."""
    talk = Talk(copilot, caller, say)
    blocks = gr.Blocks(title=say("console.title"), analytics_enabled=False, fill_width=True)
    with blocks:
        conversation = gr.State(None)
        with gr.Row(elem_id="bar"):
            gr.HTML(
                f"<h1>{_script('icon.svg')}{escape(say('console.title'))}</h1>",
                elem_id="name",
                js_on_load=None,
            )
            fresh = gr.Button(say("console.new"), elem_id="fresh", size="sm")
            gr.HTML(_leave(say), elem_id="leave", js_on_load=None)
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="talk"):
                with gr.Column(elem_id="turns"):
                    past = _turns("", "past")
                    now = _turns(turns.beginning(say), "now")
                with gr.Row(elem_id="ask"):
                    box = gr.Textbox(
                        elem_id="box",
                        label=say("console.box"),
                        show_label=False,
                        container=False,
                        placeholder=say("console.box"),
                        lines=1,
                        max_lines=6,
                        max_length=LONGEST_QUESTION,
                        autofocus=True,
                    )
                    send = gr.Button(say("console.send"), variant="primary", elem_id="send")
            with gr.Column(elem_id="side"):
                gr.HTML(_panel_head(say), elem_id="panel-head", js_on_load=None)
                panel = gr.HTML(
                    talk.empty_panel(), elem_id="panel", apply_default_css=False, js_on_load=None
                )
        outputs = [box, past, now, panel, conversation]
        quiet = {"api_visibility": "private", "show_progress": "hidden"}
        gr.on([box.submit, send.click], talk.ask, [box, conversation], outputs, **quiet)
        now.example(talk.example, [conversation], outputs, **quiet)
        rated = [past, now, conversation]
        for each in (past, now):
            each.rate(talk.rate, [conversation], rated, queue=False, **quiet)
        fresh.click(talk.fresh, None, [past, now, panel, conversation], queue=False, **quiet)
    return blocks


def _turns(html: str, id_: str) -> gr.HTML:
    return gr.HTML(html, elem_id=id_, apply_default_css=False, js_on_load=_script("turns.js"))


def _leave(say: Say) -> str:
    return (
        '<form method="post" action="/logout">'
        f'<button type="submit">{escape(say("console.leave"))}</button></form>'
    )


def _panel_head(say: Say) -> str:
    close = escape(say("console.close"))
    return (
        f"<h2>{escape(say('console.sources'))}</h2>"
        f'<button type="button" id="shut" aria-label="{close}" title="{close}">×</button>'
    )


def _script(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


def _head(say: Say) -> str:
    return (
        '<link rel="icon" href="/favicon.ico" type="image/svg+xml">'
        f'<meta name="description" content="{escape(say("console.title"))}">'
        f"<style>{_script('console.css')}</style><script>{_script('console.js')}</script>"
    )


def _theme() -> gr.themes.Base:
    fonts = ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.emerald,
        neutral_hue=gr.themes.colors.stone,
        font=fonts,
        font_mono=["ui-monospace", "monospace"],
    )
