"""Settings: one frozen object, read from the environment, `.env` and `copilot.toml`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from copilot.errors import SettingsError


class Settings(BaseSettings):
    """Everything that can be set, each by ``COPILOT_<NAME>`` in the environment or ``.env``, or by
    ``<name>`` in ``copilot.toml``.

    The environment wins over ``.env``, which wins over ``copilot.toml``. Only doors make one; rooms
    get the values they use as arguments.
    """

    model_config = SettingsConfigDict(
        env_prefix="COPILOT_",
        env_file=".env",
        env_file_encoding="utf-8",
        toml_file="copilot.toml",
        frozen=True,
        extra="forbid",
    )

    home: Path = Field(
        default=Path("~/.copilot"),
        description="Folder that holds everything the copilot keeps.",
    )
    database_url: str = Field(
        default="",
        description="Records database (SQLAlchemy URL); empty means SQLite in the home folder.",
    )
    language: Literal["zh", "en"] = Field(
        default="zh", description="Language of what operators and members read."
    )

    # Reading: one file's limits, enforced in a child process.
    read_seconds: float = Field(default=30.0, gt=0, description="Time limit for one file, seconds.")
    read_memory_mb: int = Field(
        default=512, ge=64, description="Memory limit for one file, mebibytes."
    )
    read_file_mb: int = Field(
        default=64, ge=1, description="Largest file read, mebibytes (also per member of a zip)."
    )
    read_workers: int = Field(
        default=0, ge=0, description="Files read at once; 0 means one per processor core."
    )

    # Models.
    embedder: str = Field(
        default="shipped",
        description="`shipped`, a model2vec folder, or a sentence-transformers folder or hub name.",
    )
    model: str = Field(
        default="",
        description="Chat model as `provider:name` for init_chat_model; empty means offline.",
    )
    model_base_url: str = Field(default="", description="Base URL of the chat model's endpoint.")
    model_api_key: SecretStr = Field(
        default=SecretStr(""), description="Key of the chat model's endpoint."
    )
    model_timeout: float = Field(
        default=30.0, gt=0, description="Seconds before a call is given up."
    )
    model_retries: int = Field(default=2, ge=0, description="Further tries after a failed call.")

    # Answers.
    gate: float = Field(
        default=0.5, ge=0, le=1, description="Probability below which the copilot refuses."
    )
    memory_turns: int = Field(
        default=12, ge=1, description="Turns kept in a conversation's memory."
    )

    # Server.
    host: str = Field(default="127.0.0.1", description="Address the server listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port the server listens on.")
    max_body_kb: int = Field(default=1024, ge=16, description="Largest request body, kibibytes.")
    workers: int = Field(default=16, ge=1, description="Requests worked on at once; more wait.")
    queue: int = Field(default=64, ge=0, description="Requests that may wait; more get 429.")

    @field_validator("home")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put ``copilot.toml`` below the environment and ``.env``."""
        del file_secret_settings
        return (
            init_settings,
            env_settings,
            dotenv_settings,
            TomlConfigSettingsSource(settings_cls),
        )

    @property
    def records_url(self) -> str:
        """The records database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'records.db'}"


def load(**overrides: object) -> Settings:
    """Read the settings.

    Args:
        overrides: values that win over every other source (from command-line options); ``None``
            means not given.

    Raises:
        SettingsError: a value cannot be used, or a name in `.env` or `copilot.toml` is unknown.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"setting {name!r}: {first['msg']} (got {first.get('input')!r}).",
            remedy=f"Correct {name.upper()!r} in the environment, `.env` or `copilot.toml`.",
        ) from error


def environment() -> dict[str, str]:
    """The process's environment, for child processes: nothing else reads ``os.environ``."""
    return dict(os.environ)
