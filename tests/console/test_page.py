"""The mounted console: nothing of it without sign-in, nothing of it public, nothing from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from gradio.routes import App
from starlette.routing import Mount

from tests.server.serving import Served

ROUTES = (
    ("GET", "/console/config"),
    ("GET", "/console/gradio_api/info"),
    ("GET", "/console/gradio_api/openapi.json"),
    ("GET", "/console/gradio_api/startup-events"),
    ("GET", "/console/gradio_api/heartbeat/x"),
    ("GET", "/console/gradio_api/queue/data?session_hash=x"),
    ("GET", "/console/gradio_api/app_id"),
    ("GET", "/console/gradio_api/file=/etc/passwd"),
    ("GET", "/console/theme.css"),
    ("GET", "/console/assets/index.js"),
    ("GET", "/console//gradio_api/info"),
    ("POST", "/console/gradio_api/queue/join"),
    ("POST", "/console/gradio_api/run/ask"),
    ("POST", "/console/gradio_api/run/predict"),
    ("POST", "/console/gradio_api/call/ask"),
    ("POST", "/console/gradio_api/call/v2/ask"),
    ("POST", "/console/gradio_api/api/ask"),
    ("POST", "/console/gradio_api/component_server"),
    ("POST", "/console/gradio_api/upload"),
    ("POST", "/console/gradio_api/cancel"),
    ("POST", "/console/gradio_api/reset"),
    ("POST", "/console/gradio_api/vibe-edit"),
    ("POST", "/console/login"),
)


@pytest.fixture
def client(console: Served) -> Iterator[httpx.Client]:
    with console.client() as made:
        yield made


@pytest.fixture
def staff(console: Served) -> Iterator[httpx.Client]:
    with console.client() as made:
        assert made.post("/login", data={"secret": console.keys["operator"]}).status_code == 303
        yield made


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nothing_is_reached_without_signing_in(
    client: httpx.Client, console: Served, method: str, path: str
) -> None:
    body = {"data": ["怎么办？", None], "fn_index": 0, "session_hash": "x"}
    options = {"json": body} if method == "POST" else {}
    for headers in (
        {},
        {"Cookie": "copilot_session=wrong"},
        # Keys are for the API, the console wants a session.
        {"Authorization": f"Bearer {console.keys['operator']}"},
    ):
        reply = client.request(method, path, headers=headers, **options)
        assert reply.status_code == 401
        assert set(reply.json()) == {"error"}


def test_every_route_that_gradio_has_is_behind_the_door(
    client: httpx.Client, staff: httpx.Client, console: Served
) -> None:
    """Those of the version that is installed, whatever it adds."""
    from copilot.server import run
    from copilot.server.auth import Auth

    door = run.application(console.copilot, Auth(console.copilot.keys, lambda: 0.0))
    [mounted] = [each for each in door._app.routes if isinstance(each, Mount)]
    assert isinstance(mounted.app, App)
    paths = re.findall(r"'(/[^']*)'", str([getattr(r, "path", "") for r in mounted.app.routes]))
    assert len(paths) > 20
    for path in paths:
        filled = re.sub(r"\{[^}]*\}", "x", path)
        for method in ("GET", "POST"):
            reply = client.request(method, f"/console{filled}")
            assert reply.status_code in (401, 303), f"{method} {filled}"
            if reply.status_code == 303:
                assert reply.headers["location"] == "/login"


def test_the_page_leads_to_the_login(client: httpx.Client) -> None:
    for path in ("/console", "/console/"):
        reply = client.get(path)
        assert (reply.status_code, reply.headers["location"]) == (303, "/login")


def test_a_bot_key_does_not_sign_in(client: httpx.Client, console: Served) -> None:
    assert client.post("/login", data={"secret": console.keys["bot"]}).status_code == 403
    assert client.get("/console/config").status_code == 401


def test_staff_get_the_page(staff: httpx.Client) -> None:
    page = staff.get("/console/")
    assert page.status_code == 200
    assert "社群运营助手" in page.text
    assert staff.get("/console/config").status_code == 200


def test_every_handler_is_private(staff: httpx.Client) -> None:
    config = staff.get("/console/config").json()
    assert len(config["dependencies"]) >= 4
    assert {each["api_visibility"] for each in config["dependencies"]} == {"private"}
    assert staff.get("/console/gradio_api/info").json()["named_endpoints"] == {}


def test_gradio_tells_nobody_anything(staff: httpx.Client) -> None:
    """No analytics, no run history, no monitoring page, no footer links."""
    config = staff.get("/console/config").json()
    assert config["analytics_enabled"] is False
    assert staff.get("/console/monitoring").status_code in (403, 404)


def test_the_page_may_load_from_this_server_alone(
    client: httpx.Client, staff: httpx.Client
) -> None:
    for reply in (staff.get("/console/"), client.get("/login"), client.get("/console/config")):
        policy = reply.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy
        assert reply.headers["x-frame-options"] == "DENY"
        assert reply.headers["x-content-type-options"] == "nosniff"


def test_the_session_is_the_speaker_not_what_the_page_says(
    staff: httpx.Client, console: Served
) -> None:
    """A page cannot hand in another conversation, name or past: those stay on the server."""
    config = staff.get("/console/config").json()
    ask = next(each for each in config["dependencies"] if len(each["targets"]) == 2)
    forged = {"thread": "other", "turns": [{"question": "x"}]}
    body = {"data": ["读书会的预算是多少？", forged], "fn_index": ask["id"], "session_hash": "s1"}
    joined = staff.post("/console/gradio_api/queue/join", json=body)
    assert joined.status_code == 200
    with staff.stream("GET", "/console/gradio_api/queue/data?session_hash=s1") as reply:
        for line in reply.iter_lines():
            if line.startswith("data: ") and json.loads(line[6:])["msg"] == "process_completed":
                assert json.loads(line[6:])["success"]
                break
    import sqlite3

    with sqlite3.connect(console.copilot.settings.home / "records.db") as records:
        rows = records.execute(
            "SELECT thread, role FROM desk_journal WHERE door = 'console' ORDER BY at DESC LIMIT 1"
        ).fetchall()
    records.close()
    door, name, thread = json.loads(rows[0][0])
    assert (door, rows[0][1]) == ("console", "operator")
    assert name.startswith("operator:")
    assert thread != "other"
