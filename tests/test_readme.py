"""The README keeps up with the code: its tree, its commands, its files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
LINE = re.compile(r"^(?P<indent> *)(?P<name>[\w./-]+)\s{2,}(?P<label>.+)$")


def label(path: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]


def tree() -> dict[str, str]:
    """Module path below the root → label, as the README's tree has them."""
    block = README.split("## The tree", 1)[1].split("```", 2)[1]
    found: dict[str, str] = {}
    above: list[str] = []
    for line in block.splitlines():
        if match := LINE.match(line):
            depth = len(match["indent"]) // 2
            above = [*above[:depth], match["name"].rstrip("/")]
            found["/".join(above)] = match["label"]
    return found


def modules() -> dict[str, str]:
    """Module path below the root → label, as the code has them: packages and what lies in them."""
    found = {}
    for path in sorted((ROOT / "copilot").rglob("*.py")):
        relative = path.relative_to(ROOT)
        if "versions" in relative.parts or relative.name == "env.py":
            continue
        name = relative.parent if relative.name == "__init__.py" else relative
        found[name.as_posix()] = label(path)
    return found


def test_the_tree_names_every_module_with_its_label() -> None:
    shown = {path: text for path, text in tree().items() if path.startswith("copilot")}
    assert shown == modules()


def test_the_tree_names_every_top_level_folder() -> None:
    shown = {path for path in tree() if "/" not in path}
    assert {"copilot", "knowledge", "prompts", "evals", "tests", "docs"} <= shown
    assert all((ROOT / path).exists() for path in shown)


@pytest.mark.parametrize("target", ["demo", "test", "lint", "eval", "bench"])
def test_make_has_the_targets_the_readme_names(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_links_and_pictures_exist() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in link:
            assert (ROOT / link).exists(), link
