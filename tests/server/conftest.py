"""Servers that tests of the server share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.app import Copilot
from tests.conftest import settings_for
from tests.server.serving import Served, served

ROLES = ("admin", "operator", "trainer", "bot")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, sample_playbook: Path) -> Iterator[Served]:
    """A server over the sample playbook with a key for each role."""
    with Copilot(settings_for(tmp_path_factory.mktemp("keyed")), doing="pytest") as copilot:
        copilot.index([sample_playbook])
        with served(copilot, ROLES) as running:
            yield running


@pytest.fixture(scope="package")
def keyless(tmp_path_factory: pytest.TempPathFactory, sample_playbook: Path) -> Iterator[Served]:
    """A server over the sample playbook without any key."""
    with Copilot(settings_for(tmp_path_factory.mktemp("keyless")), doing="pytest") as copilot:
        copilot.index([sample_playbook])
        with served(copilot) as running:
            yield running
