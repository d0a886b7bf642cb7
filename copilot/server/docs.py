"""The page that describes the API, made from its OpenAPI description and nothing from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title>
<link rel="icon" href="/favicon.ico" type="image/svg+xml">
<style>
body {{ font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  max-width: 52rem; margin: 2.5rem auto; padding: 0 1.25rem; }}
h1 {{ margin-bottom: 0; }} h2 {{ margin-top: 2.5rem; }} section {{ margin: 1.5rem 0 2rem; }}
h3 {{ font-size: 1rem; margin-bottom: .2rem; }} p {{ margin: .2rem 0 .6rem; }}
pre {{ background: rgb(128 128 128 / .12); padding: .8rem 1rem; border-radius: 8px;
  overflow-x: auto; font-size: .85rem; line-height: 1.5; }}
td {{ padding: .1rem 1rem .1rem 0; vertical-align: top; }} td code {{ white-space: nowrap; }}
</style></head><body>
<h1>{title} <small>{version}</small></h1>
<p>{summary} Keys go into the header <code>Authorization: Bearer KEY</code>. Errors are
<code>{{"error": {{"message", "type", "param", "code"}}}}</code>.
The same, for programs: <a href="/openapi.json">openapi.json</a>.</p>
{body}</body></html>"""


def router(app: FastAPI) -> APIRouter:
    """The route of the page."""
    routes = APIRouter()

    @routes.get("/docs")
    def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(page(app.openapi(), str(request.base_url).rstrip("/")))

    return routes


def page(description: dict[str, Any], base: str) -> str:
    """The page as HTML.

    Args:
        description: an OpenAPI 3.1 document.
        base: the server's address, for the examples.
    """
    by_tag: dict[str, list[str]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            block = "".join(_operation(description, base, method, path, operation))
            by_tag.setdefault(operation.get("tags", ["Other"])[0], []).append(block)
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(blocks)}" for tag, blocks in by_tag.items())
    info = description["info"]
    return _PAGE.format(
        title=escape(info["title"]),
        version=escape(info["version"]),
        summary=escape(info.get("summary", "")),
        body=body,
    )


def _operation(
    description: dict[str, Any], base: str, method: str, path: str, operation: dict[str, Any]
) -> Iterator[str]:
    verb = method.upper()
    yield f"<section><h3><code>{verb} {escape(path)}</code></h3>"
    told = f"{operation.get('summary', '')}. {operation.get('description', '')}"
    yield f"<p>{_text(told)}</p>"
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        yield "</section>"
        return
    schema = _resolved(description, content["schema"])
    yield "<table>"
    for name, field in schema.get("properties", {}).items():
        needed = " (required)" if name in schema.get("required", ()) else ""
        told = _text(field.get("description", "") + needed)
        yield f"<tr><td><code>{escape(name)}</code></td><td>{told}</td></tr>"
    yield "</table>"
    for example in _examples(content):
        command = (
            f"curl {base}{path} -H 'Authorization: Bearer KEY' \\\n"
            f"  -H 'Content-Type: application/json' \\\n"
            f"  -d '{json.dumps(example, ensure_ascii=False)}'"
        )
        yield f"<pre>{escape(command)}</pre>"
    yield "</section>"


def _text(told: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(told))


def _examples(content: dict[str, Any]) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    return [each["value"] for each in content.get("examples", {}).values()]


def _resolved(description: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself where it is a reference to one."""
    reference = schema.get("$ref", "")
    if not reference:
        return schema
    found: dict[str, Any] = description["components"]["schemas"][reference.rsplit("/", 1)[-1]]
    return found
