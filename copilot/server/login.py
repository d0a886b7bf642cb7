"""The console's front door: a page that takes a key or the one-time password."""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from copilot.app import Copilot
from copilot.errors import CopilotError
from copilot.language import strings
from copilot.server.auth import COOKIE, Auth

CONSOLE = "/console"

_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body{{font-family:system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;
background:#f5f6f4;color:#1f2a26;display:grid;place-items:center;min-height:100vh;margin:0}}
main{{background:#fff;padding:2.5rem;border-radius:14px;width:min(22rem,86vw);
box-shadow:0 6px 30px rgba(20,50,40,.09)}}
h1{{font-size:1.25rem;margin:0 0 .4rem}}p{{color:#5c6b65;font-size:.9rem;line-height:1.6}}
label{{display:block;font-size:.9rem;margin:1rem 0 .35rem}}
input{{width:100%;box-sizing:border-box;padding:.65rem .8rem;font-size:1rem;border:1px solid #c9d3ce;
border-radius:8px}}input:focus{{outline:2px solid #1b7f5f;border-color:#1b7f5f}}
button{{margin-top:1.1rem;width:100%;padding:.7rem;font-size:1rem;border:0;border-radius:8px;
background:#1b7f5f;color:#fff;cursor:pointer}}.wrong{{color:#b3261e}}
</style></head><body><main><h1>{title}</h1><p>{hint}</p>{wrong}
<form method="post" action="/login"><label for="secret">{label}</label>
<input id="secret" name="secret" type="password" autocomplete="current-password" autofocus required>
<button type="submit">{enter}</button></form></main></body></html>"""


def router(copilot: Copilot, auth: Auth) -> APIRouter:
    """The routes of signing in and out, and the way to the console."""
    routes = APIRouter()
    language = copilot.settings.language

    def page(wrong: str = "", status: int = 200) -> HTMLResponse:
        def say(key: str) -> str:
            return escape(strings.text(key, language))

        told = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
        text = _PAGE.format(
            lang="zh-CN" if language == "zh" else "en",
            title=say("console.title"),
            hint=say("login.hint"),
            label=say("login.label"),
            enter=say("login.enter"),
            wrong=told,
        )
        return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store"})

    @routes.get("/")
    def front(request: Request) -> Response:
        target = CONSOLE if auth.person(request) else "/login"
        return RedirectResponse(target, status_code=303)

    @routes.get("/login")
    def ask() -> Response:
        return page()

    @routes.post("/login")
    def enter(request: Request, secret: Annotated[str, Form(max_length=200)]) -> Response:
        try:
            token = auth.sign_in(secret)
        except CopilotError:
            return page(strings.text("login.wrong", language), status=401)
        response = RedirectResponse(CONSOLE, status_code=303)
        response.set_cookie(
            COOKIE,
            token,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
            max_age=12 * 3600,
        )
        return response

    @routes.post("/logout")
    def leave(request: Request) -> Response:
        auth.sign_out(request.cookies.get(COOKIE, ""))
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(COOKIE)
        return response

    return routes
