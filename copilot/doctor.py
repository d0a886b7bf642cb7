"""The doctor: looks at settings, records, index and models, and says what to do."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from copilot.app import Copilot
from copilot.errors import CopilotError, HomeLocked
from copilot.language import tokens
from copilot.models.chat import configured, ping
from copilot.settings import Settings

# Free space under which writing becomes a risk, bytes.
_LEAST_FREE = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: how it was found and, when it is not well, the remedy."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is changed except what opening repairs by itself."""
    findings = [
        Finding("home", True, str(settings.home)),
        _space(settings),
        Finding("token counts", True, tokens.method()),
        _model(settings),
    ]
    try:
        with Copilot(settings, doing="copilot doctor") as copilot:
            findings += [_look(copilot) for _look in (_playbook, _index, _embedder, _keys)]
    except HomeLocked as error:
        findings.append(Finding("lock", False, error.detail, error.remedy))
    except CopilotError as error:
        findings.append(Finding("opening", False, error.detail, error.remedy))
    return findings


def _space(settings: Settings) -> Finding:
    place = settings.home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    return Finding(
        "disk", free > _LEAST_FREE, f"{free / 2**30:.1f} GiB free", "Free some space on this disk."
    )


def _model(settings: Settings) -> Finding:
    if not settings.model:
        return Finding("model", True, "offline (no COPILOT_MODEL): answers come from passages")
    try:
        model = configured(
            settings.model,
            base_url=settings.model_base_url,
            api_key=settings.model_api_key.get_secret_value(),
            timeout=settings.model_timeout,
        )
        ping(model)
    except CopilotError as error:
        return Finding("model", False, error.detail, error.remedy)
    return Finding("model", True, f"{settings.model} answers")


def _playbook(copilot: Copilot) -> Finding:
    count = len(copilot.documents())
    return Finding(
        "playbook",
        count > 0,
        f"{count} documents, {copilot.health().passages} passages",
        "Index something: copilot index knowledge",
    )


def _index(copilot: Copilot) -> Finding:
    copilot.wait()
    health = copilot.health()
    return Finding(
        "index",
        health.words == health.passages and health.vectors in ("ok", "empty"),
        f"{health.words} of {health.passages} passages searchable, vectors {health.vectors}",
        "Delete the folder `index` in the home: it is rebuilt from the records.",
    )


def _embedder(copilot: Copilot) -> Finding:
    return Finding("embedder", True, copilot.embedder_name)


def _keys(copilot: Copilot) -> Finding:
    count = sum(key.revoked is None for key in copilot.keys.list())
    found = f"{count} active" if count else "none: the server listens on this machine only"
    return Finding("keys", True, found)
