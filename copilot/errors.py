"""Every error the copilot raises on purpose; each message names its remedy."""

from __future__ import annotations


class CopilotError(Exception):
    """Something went wrong that the person at the keyboard can put right.

    The docstring of each subclass is its default message. ``detail`` says what was found (values
    shown with ``!r``), ``remedy`` what to do about it.
    """

    def __init__(self, detail: str = "", *, remedy: str = "") -> None:
        self.detail = detail or (type(self).__doc__ or type(self).__name__).strip().split("\n")[0]
        self.remedy = remedy
        super().__init__(f"{self.detail} {remedy}".strip())


class SettingsError(CopilotError):
    """A setting cannot be used. See `copilot doctor` for what is set and where it came from."""


class HomeLocked(CopilotError):
    """Another copilot holds this COPILOT_HOME. Stop it, or use another COPILOT_HOME."""


class StoreError(CopilotError):
    """The records database cannot be opened. Check COPILOT_DATABASE_URL and the folder's rights."""


class ReadError(CopilotError):
    """A file cannot be read as text. Convert it to Markdown, DOCX, PDF or plain text."""


class IndexDamaged(CopilotError):
    """The vector index is damaged. It is rebuilt from the records; words are searched meanwhile."""


class EmbedderError(CopilotError):
    """The embedder cannot be loaded. Check COPILOT_EMBEDDER, or unset it to use the shipped one."""


class ModelError(CopilotError):
    """The language model did not answer. Check COPILOT_MODEL, its key and its base URL."""


class PromptError(CopilotError):
    """A prompt file does not match its inputs. Compare its front matter with the call."""


class Unauthorized(CopilotError):
    """The key is missing, unknown or revoked. Make one with `copilot keys create`."""


class Forbidden(CopilotError):
    """The key's role does not allow this. Use a key with the role that does."""


class NotFound(CopilotError):
    """No such thing. List what there is first."""


class BadInput(CopilotError):
    """The input cannot be used as it is."""
