"""Prompts: inputs must match, templates are sandboxed, labels follow the body."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.app import folder
from copilot.errors import PromptError
from copilot.models import prompts

HEAD = "---\nversion: 3\nabout: Greets.\ninputs: [name]\n---\n"


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "greet.md").write_text(text, "utf-8")
    return tmp_path


def test_a_prompt_is_filled_in(tmp_path: Path) -> None:
    prompt = prompts.load(written(tmp_path, HEAD + "你好，{{ name }}。\n"), "greet")
    assert prompt.render(name="小林") == "你好，小林。"
    assert (prompt.version, prompt.about, prompt.inputs) == (3, "Greets.", ("name",))


def test_the_label_changes_with_the_body_and_the_version(tmp_path: Path) -> None:
    labels = [
        prompts.load(written(tmp_path, text), "greet").label
        for text in (
            HEAD + "{{ name }}",
            HEAD + "{{ name }}!",
            HEAD.replace("3", "4") + "{{ name }}",
        )
    ]
    assert labels[0].startswith("greet@3+")
    assert len(labels[0].split("+")[1]) == 8
    assert len(set(labels)) == 3


@pytest.mark.parametrize("values", [{}, {"name": "a", "other": "b"}, {"other": "b"}])
def test_other_values_than_the_inputs_are_refused(tmp_path: Path, values: dict[str, str]) -> None:
    prompt = prompts.load(written(tmp_path, HEAD + "{{ name }}"), "greet")
    with pytest.raises(PromptError, match="'greet'.*'name'"):
        prompt.render(**values)


def test_what_is_filled_in_is_never_a_template(tmp_path: Path) -> None:
    prompt = prompts.load(written(tmp_path, HEAD + "{{ name }}"), "greet")
    hostile = "{{ 7 * 7 }}{% for x in y %}{{ name.__class__ }}"
    assert prompt.render(name=hostile) == hostile


@pytest.mark.parametrize(
    "body",
    [
        "{{ name.__class__.__mro__ }}",
        "{{ name.missing }}",
        "{{ name | nofilter }}",
        "{{ name",
        "{% for x in name %}",
        "no input at all",
        "{{ name }} {{ other }}",
    ],
)
def test_a_body_that_cannot_be_right_is_refused(tmp_path: Path, body: str) -> None:
    with pytest.raises(PromptError, match="greet"):
        prompts.load(written(tmp_path, HEAD + body), "greet").render(name="a")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{{ name }}",
        "---\nversion: 3\n---\n{{ name }}",
        "---\nversion: three\nabout: x\ninputs: [name]\n---\n{{ name }}",
        "---\nversion: 3\nabout: x\ninputs: name\n---\n{{ name }}",
        "---\n: :\n---\n{{ name }}",
        "---\n- a\n---\n{{ name }}",
        "---\nversion: 3\nabout: x\ninputs: [name]\n{{ name }}",
    ],
)
def test_a_file_without_its_front_matter_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PromptError, match="greet"):
        prompts.load(written(tmp_path, text), "greet")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "greet.md").write_bytes(content)
    with pytest.raises(PromptError, match=r"greet.*cannot be read"):
        prompts.load(tmp_path, "greet")


def test_line_ends_of_another_system_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "greet.md").write_bytes(
        ("\ufeff" + HEAD + "你好\n{{ name }}\n").replace("\n", "\r\n").encode()
    )
    assert prompts.load(tmp_path, "greet").render(name="a") == "你好\na"


def test_what_ships_can_be_loaded_and_has_its_version_of_record() -> None:
    """A changed body needs a new version: put the new label here when you raise it."""
    shipped = {
        path.stem: prompts.load(path.parent, path.stem) for path in folder("prompts").iterdir()
    }
    assert {prompt.label for prompt in shipped.values()} == {
        "agent@1+1adc815b",
        "expand@1+85fcf5f3",
    }
