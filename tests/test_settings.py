"""Settings: which source wins, what is refused and how it is said."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

import copilot
from copilot import settings
from copilot.errors import SettingsError

PACKAGE = Path(copilot.__file__).parent


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test reads `.env` and `copilot.toml` of its own folder."""
    monkeypatch.chdir(tmp_path)


def test_environment_beats_dotenv_beats_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copilot.toml").write_text("port = 1001\nqueue = 1001\nworkers = 11\n")
    (tmp_path / ".env").write_text("COPILOT_PORT=1002\nCOPILOT_QUEUE=1002\n")
    monkeypatch.setenv("COPILOT_PORT", "1003")
    found = settings.load()
    assert (found.port, found.queue, found.workers) == (1003, 1002, 11)


def test_what_a_command_is_given_beats_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_PORT", "1003")
    assert settings.load(port=7).port == 7
    assert settings.load(port=None).port == 1003


def test_defaults_need_nothing() -> None:
    found = settings.load()
    assert found.home == Path.home() / ".copilot"
    assert found.host == "127.0.0.1"
    assert found.model == ""
    assert found.records_url.endswith("records.db")


@pytest.mark.parametrize(
    "line", ["OPENAI_API_KEY=sk-other", "DATABASE_URL=postgres://x", "HOME_PAGE=1", "model=mine"]
)
def test_dotenv_of_other_programs_does_no_harm(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\nCOPILOT_PORT=1002\n")
    found = settings.load()
    assert found.port == 1002
    assert found.model == ""


@pytest.mark.parametrize("name", sorted(settings.Settings.model_fields))
def test_every_setting_can_stand_in_toml_by_its_name(tmp_path: Path, name: str) -> None:
    before = getattr(settings.load(), name)
    value: object = before
    if name == "model_api_key":
        value = "sk-secret"
    elif isinstance(before, Path | None):
        value = str(tmp_path / "elsewhere")
    elif isinstance(before, str):
        value = "en" if name == "language" else "else"
    elif isinstance(before, float):
        value = before / 2
    elif isinstance(before, int):
        value = before + 1
    (tmp_path / "copilot.toml").write_text(f"{name} = {value!r}\n")
    assert getattr(settings.load(), name) != before


def test_misspelt_name_in_dotenv_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COPILOT_EMBEDER=shipped\n")
    with pytest.raises(SettingsError, match=r"(?i)embeder.*Did you mean 'embedder'") as caught:
        settings.load()
    assert ".env" in caught.value.remedy


def test_unknown_name_in_dotenv_is_named_without_its_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COPILOT_OPENAI_KEY=sk-secret\n")
    with pytest.raises(SettingsError, match="(?i)openai_key") as caught:
        settings.load()
    assert "sk-secret" not in str(caught.value)


def test_unknown_name_in_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "copilot.toml").write_text('modell = "openai:x"\n')
    with pytest.raises(SettingsError, match=r"'modell'.*Did you mean 'model'"):
        settings.load()


def test_misspelt_name_in_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_MODLE", "openai:gpt-5")
    with pytest.raises(SettingsError, match=r"COPILOT_MODLE.*COPILOT_MODEL"):
        settings.load()


def test_other_programs_may_use_our_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_AGENT_FIREWALL_LOG", "1")
    assert settings.load().port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "-1"),
        ("port", "http"),
        ("gate", "1.5"),
        ("gate", "nan"),
        ("language", "fr"),
        ("model_timeout", "0"),
        ("home", ""),
    ],
)
def test_impossible_value_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"COPILOT_{name.upper()}", value)
    with pytest.raises(SettingsError, match=name) as caught:
        settings.load()
    assert f"COPILOT_{name.upper()}" in caught.value.remedy


def test_bad_key_is_not_printed(tmp_path: Path) -> None:
    (tmp_path / "copilot.toml").write_text('model_api_key = ["sk-secret"]\n')
    with pytest.raises(SettingsError, match="model_api_key") as caught:
        settings.load()
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [("copilot.toml", b"port = = 1\n"), ("copilot.toml", b"\xff\xfe"), (".env", b"A=\xff\xfe\n")],
)
def test_broken_file_is_a_clear_error(tmp_path: Path, file: str, content: bytes) -> None:
    (tmp_path / file).write_bytes(content)
    with pytest.raises(SettingsError, match=r"copilot\.toml"):
        settings.load()


def test_settings_are_frozen_and_keep_their_secret() -> None:
    found = settings.load(model_api_key="sk-secret")
    with pytest.raises(ValidationError, match="frozen"):
        found.port = 1
    assert "sk-secret" not in repr(found)
    assert found.model_api_key.get_secret_value() == "sk-secret"


def test_home_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_HOME", "here")
    assert settings.load().home == tmp_path / "here"
    monkeypatch.setenv("COPILOT_HOME", "~/there")
    assert settings.load().home == Path.home() / "there"


@pytest.mark.parametrize("name", ["a?b", "100%", "a#b", "a%20b", "社群 资料"])
def test_any_folder_name_gives_a_database_there(tmp_path: Path, name: str) -> None:
    found = settings.load(home=tmp_path / name)
    assert make_url(found.records_url).database == str(tmp_path / name / "records.db")


def test_every_setting_says_what_it_is() -> None:
    silent = [
        name for name, field in settings.Settings.model_fields.items() if not field.description
    ]
    assert silent == []


def test_nothing_else_reads_the_environment() -> None:
    """`os.environ` and `os.getenv` stand in settings.py alone (design rule)."""
    guilty = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path == PACKAGE / "settings.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = {
                getattr(node, "attr", ""),
                *(alias.name for alias in getattr(node, "names", ()) if hasattr(alias, "name")),
            }
            if names & {"environ", "environb", "getenv", "putenv"}:
                guilty.append(f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}")
    assert guilty == []
