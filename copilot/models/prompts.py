"""Prompts: one file per job, strict templates, a label for the journal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml
from jinja2 import StrictUndefined, TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from copilot.errors import PromptError

_SANDBOX = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt file: `version, about, inputs` in the front matter, a Jinja body."""

    name: str
    version: int
    about: str
    inputs: tuple[str, ...]
    body: str

    @property
    def label(self) -> str:
        """Name, version and the body's digest: ``agent@1+9b5daded``."""
        digest = hashlib.sha256(self.body.encode("utf-8")).hexdigest()[:8]
        return f"{self.name}@{self.version}+{digest}"

    def render(self, **values: str) -> str:
        """Fill the body in.

        Raises:
            PromptError: a value is missing, one is given that the prompt does not take, or the body
                does what a prompt may not.
        """
        if set(values) != set(self.inputs):
            raise PromptError(
                f"prompt {self.name!r} takes {sorted(self.inputs)}, not {sorted(values)}.",
                remedy="Make the call and the prompt's front matter agree.",
            )
        try:
            return _SANDBOX.from_string(self.body).render(values).strip()
        except TemplateError as error:
            raise PromptError(
                f"prompt {self.name!r} cannot be filled in: {error}.", remedy="Mend its body."
            ) from error


def load(folder: Path, name: str) -> Prompt:
    """Read ``<folder>/<name>.md``.

    Raises:
        PromptError: missing, without front matter, or its body uses what `inputs` does not name.
    """
    path = folder / f"{name}.md"
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(
            f"prompt {name!r} cannot be read: {error}.", remedy="Restore it from the repository."
        ) from error
    parts = text.split("---\n", 2)
    try:
        if len(parts) != 3 or parts[0].strip():
            raise PromptError(
                f"prompt {name!r} has no front matter.",
                remedy="Begin it with `---`, `version`, `about`, `inputs` and `---`.",
            )
        head = yaml.safe_load(parts[1])
        body = parts[2].strip()
        if not isinstance(head["inputs"], list):
            raise TypeError(f"inputs is {head['inputs']!r}")
        inputs = tuple(str(name) for name in head["inputs"])
        used = find_undeclared_variables(_SANDBOX.parse(body))
        if used != set(inputs):
            raise PromptError(
                f"prompt {name!r} names inputs {sorted(inputs)} and uses {sorted(used)}.",
                remedy="Make the two agree.",
            )
        return Prompt(name, int(head["version"]), str(head["about"]), inputs, body)
    except (yaml.YAMLError, TemplateError, KeyError, TypeError, ValueError) as error:
        raise PromptError(
            f"prompt {name!r} cannot be used: {error!r}.",
            remedy="Give it `version` (a number), `about`, `inputs` (a list) and a Jinja body.",
        ) from error
