"""The console's front door: a page that takes a key or the one-time password."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from copilot.errors import Forbidden, Unauthorized
from copilot.language import strings
from copilot.server.auth import (
    COOKIE,
    SESSION_SECONDS,
    SHUT_SECONDS,
    Auth,
    TooManyTries,
    is_same_origin,
)

CONSOLE = "/console"
LOGIN = "/login"


def router(auth: Auth, language: str) -> APIRouter:
    """The routes of signing in and out, and the way to the console."""
    routes = APIRouter()
    template = Template((Path(__file__).parent / "login.html").read_text("utf-8"))
    icon = (files("copilot.console") / "icon.svg").read_text("utf-8")

    def page(wrong: str = "", status: int = 200) -> HTMLResponse:
        texts = {
            name: escape(strings.text(key, language))
            for name, key in (
                ("title", "console.title"),
                ("hint", "login.hint"),
                ("label", "login.label"),
                ("enter", "login.enter"),
            )
        }
        told = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
        lang = "zh-CN" if language == "zh" else "en"
        content = template.substitute(texts, lang=lang, icon=icon, wrong=told)
        return HTMLResponse(content, status_code=status, headers={"Cache-Control": "no-store"})

    @routes.get("/")
    def front(request: Request) -> Response:
        return RedirectResponse(CONSOLE if auth.person(request) else LOGIN, status_code=303)

    @routes.get("/favicon.ico")
    async def favicon() -> Response:
        headers = {"Cache-Control": "max-age=86400"}
        return Response(icon, media_type="image/svg+xml", headers=headers)

    @routes.get(LOGIN)
    def ask(request: Request) -> Response:
        return RedirectResponse(CONSOLE, status_code=303) if auth.person(request) else page()

    @routes.post(LOGIN)
    def enter(request: Request, secret: Annotated[str, Form()] = "") -> Response:
        _refuse_other_sites(request)
        address = request.client.host if request.client else ""
        try:
            token = auth.sign_in(secret, address)
        except TooManyTries:
            refused = page(strings.text("login.wait", language), status=429)
            refused.headers["Retry-After"] = str(int(SHUT_SECONDS))
            return refused
        except Unauthorized:
            return page(strings.text("login.wrong", language), status=401)
        except Forbidden:
            return page(strings.text("login.no_console", language), status=403)
        response = RedirectResponse(CONSOLE, status_code=303)
        response.set_cookie(
            COOKIE,
            token,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
            max_age=int(SESSION_SECONDS),
        )
        return response

    @routes.post("/logout")
    def leave(request: Request) -> Response:
        _refuse_other_sites(request)
        auth.sign_out(request.cookies.get(COOKIE, ""))
        response = RedirectResponse(LOGIN, status_code=303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    return routes


def _refuse_other_sites(request: Request) -> None:
    """A page elsewhere may not sign anybody in or out.

    The cookie's `SameSite` alone does not see to it: to browsers every port of a host is one site.
    """
    if not is_same_origin(request):
        raise Forbidden("the form was sent by another site's page.", remedy="Use our own page.")
