"""The front door of the console."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from copilot.server.auth import COOKIE, TRIES
from tests.server.serving import PASSWORD, Served, served


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with server.client() as made:
        yield made


def test_the_page_is_chinese_and_asks_for_a_key(client: httpx.Client) -> None:
    page = client.get("/login")
    assert page.status_code == 200
    assert '<html lang="zh-CN">' in page.text
    assert "密钥或口令" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r'(?:src|href)="(?!/)', page.text), "nothing from outside"


def test_the_front_page_leads_to_the_login(client: httpx.Client) -> None:
    front = client.get("/")
    assert (front.status_code, front.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("role", ["admin", "operator", "trainer"])
def test_a_key_signs_in_and_out(server: Served, client: httpx.Client, role: str) -> None:
    entered = client.post("/login", data={"secret": server.keys[role]})
    assert (entered.status_code, entered.headers["location"]) == (303, "/console")
    assert client.get("/").headers["location"] == "/console"
    assert client.get("/login").headers["location"] == "/console"
    left = client.post("/logout")
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert client.get("/").headers["location"] == "/login"


def test_the_cookie_is_for_this_server_alone(server: Served, client: httpx.Client) -> None:
    sent = client.post("/login", data={"secret": server.keys["operator"]}).headers["set-cookie"]
    flags = {each.strip().lower().partition("=")[0] for each in sent.split(";")[1:]}
    assert sent.startswith(f"{COOKIE}=")
    assert "httponly" in flags
    assert "samesite=lax" in sent.lower()
    assert "secure" not in flags, "plain http on this machine"
    assert server.keys["operator"] not in sent


def test_the_cookie_is_secure_behind_tls(server: Served, client: httpx.Client) -> None:
    """uvicorn takes the scheme from a proxy on this machine."""
    sent = client.post(
        "/login",
        data={"secret": server.keys["operator"]},
        headers={"X-Forwarded-Proto": "https"},
    ).headers["set-cookie"]
    assert "; secure" in sent.lower()


def test_the_cookie_is_no_key_for_the_api(server: Served, client: httpx.Client) -> None:
    client.post("/login", data={"secret": server.keys["admin"]})
    assert client.get("/v1/models").status_code == 401


@pytest.mark.parametrize("secret", ["", "wrong", "x" * 5000, "<script>", "\u0000", "密钥"])
def test_a_wrong_secret_is_told_calmly(client: httpx.Client, secret: str) -> None:
    page = client.post("/login", data={"secret": secret}, headers={"X-Forwarded-For": "10.0.0.1"})
    assert page.status_code == 401
    assert "密钥或口令不对" in page.text
    assert "<script>" not in page.text
    assert "set-cookie" not in page.headers


def test_a_form_without_the_field_is_told_calmly(client: httpx.Client) -> None:
    assert client.post("/login", headers={"X-Forwarded-For": "10.0.0.2"}).status_code == 401


def test_a_bot_key_is_told_that_it_has_no_console(server: Served, client: httpx.Client) -> None:
    page = client.post("/login", data={"secret": server.keys["bot"]})
    assert page.status_code == 403
    assert "机器人" in page.text


def test_too_many_tries_have_to_wait(server: Served, client: httpx.Client) -> None:
    here = {"X-Forwarded-For": "10.0.0.3"}
    for _ in range(TRIES):
        assert client.post("/login", data={"secret": "x"}, headers=here).status_code == 401
    page = client.post("/login", data={"secret": server.keys["admin"]}, headers=here)
    assert page.status_code == 429
    assert int(page.headers["retry-after"]) > 0
    assert "请过一分钟再试" in page.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_signs_nobody_in_or_out(
    server: Served, client: httpx.Client, headers: dict[str, str]
) -> None:
    entered = client.post("/login", data={"secret": server.keys["admin"]}, headers=headers)
    assert entered.status_code == 403
    assert "set-cookie" not in entered.headers
    client.post("/login", data={"secret": server.keys["admin"]})
    assert client.post("/logout", headers=headers).status_code == 403
    assert client.get("/").headers["location"] == "/console", "still signed in"


def test_signing_out_is_no_link(client: httpx.Client) -> None:
    assert client.get("/logout").status_code == 405


def test_the_password_signs_in_while_there_is_no_key(keyless: Served) -> None:
    with keyless.client() as client:
        assert client.post("/login", data={"secret": PASSWORD}).status_code == 303
        assert client.get("/").headers["location"] == "/console"


def test_the_page_speaks_english_where_it_is_set(open_copilot) -> None:
    with served(open_copilot(language="en")) as running, running.client() as client:
        page = client.get("/login").text
        assert '<html lang="en">' in page
        assert "Sign in" in page
        assert not re.search("[\u4e00-\u9fff]", page.partition("<body>")[2])


def test_there_is_an_icon(client: httpx.Client) -> None:
    icon = client.get("/favicon.ico")
    assert icon.headers["content-type"] == "image/svg+xml"
    assert icon.text.startswith("<svg")
