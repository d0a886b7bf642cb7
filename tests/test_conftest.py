"""What the suite rests on: no network, no settings of the developer's own."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.conftest import Outside, settings_for


@pytest.mark.parametrize(
    "address", [("192.0.2.1", 80), ("example.com", 443), ("10.0.0.1", 5432), ("8.8.8.8", 53)]
)
def test_other_machines_are_refused(address: tuple[str, int]) -> None:
    with socket.socket() as made:
        for call in (made.connect, made.connect_ex):
            with pytest.raises(Outside, match="loopback"):
                call(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        with pytest.raises(Outside):
            made.sendto(b"x", address)


def test_this_machine_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(("localhost", server.getsockname()[1])) as made:
            assert made.getpeername()[0] == "127.0.0.1"


def test_nobodys_settings_reach_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [name for name in os.environ if name.startswith("COPILOT_")] == []
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("COPILOT_PORT=4242\n")
    assert settings_for(tmp_path).port != 4242
