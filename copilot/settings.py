"""Settings: one frozen object, read from the environment, `.env` and `copilot.toml`."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Literal
from urllib.parse import quote

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
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
        # `.env` holds other programs' names too; one with our prefix that we do not know is a slip.
        dotenv_filtering="match_prefix",
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
    reranker: str = Field(
        default="",
        description="Cross-encoder that orders the best hits: a sentence-transformers folder or hub"
        " name; empty means none.",
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

    tiktoken_cache_dir: Path | None = Field(
        default=None,
        validation_alias=AliasChoices("COPILOT_TIKTOKEN_CACHE_DIR", "TIKTOKEN_CACHE_DIR"),
        description="Folder with tiktoken's o200k_base file; without it tokens are estimated.",
    )

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
        if value == Path():
            # What an empty variable means: it would scatter the home over the current folder.
            raise ValueError("names no folder")
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
        if self.database_url:
            return self.database_url
        # `%`, `?` and `#` mean something in a URL, but may stand in a folder's name.
        path = quote(str(self.home / "records.db"), safe="/:\\ ")
        return f"sqlite:///{path}"


def load(**overrides: object) -> Settings:
    """Read the settings.

    Args:
        overrides: values that win over every other source (from command-line options); ``None``
            means not given.

    Raises:
        SettingsError: a value cannot be used; a name in `.env` or `copilot.toml` is unknown, or one
            in the environment is a known one misspelt; or one of the files cannot be read.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    _refuse_misspelt()
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise _explained(error) from error
    except (TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(
            f"`.env` or `copilot.toml` cannot be read: {error}.",
            remedy="Mend the file; both are UTF-8, `copilot.toml` is TOML.",
        ) from error


def _explained(error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        near = get_close_matches(name.lower(), Settings.model_fields, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return SettingsError(
            f"there is no setting {name!r}.{hint}",
            remedy="Correct or remove it in `.env` or `copilot.toml`.",
        )
    # A secret in a message ends in a log.
    got = "" if "key" in name else f" (got {first.get('input')!r})"
    variable = f"COPILOT_{name.upper()}"
    return SettingsError(
        f"setting {name!r}: {first['msg']}{got}.",
        remedy=f"Correct {variable} in the environment or `.env`, or {name!r} in `copilot.toml`.",
    )


def _refuse_misspelt() -> None:
    """Refuse names in the environment that are ours but for a slip.

    Not every unknown one: other programs use the prefix, too (GitHub Copilot's).
    """
    for name in os.environ:
        if not name.upper().startswith("COPILOT_"):
            continue
        field = name.lower().removeprefix("copilot_")
        near = get_close_matches(field, Settings.model_fields, n=1, cutoff=0.8)
        if field not in Settings.model_fields and near:
            raise SettingsError(
                f"there is no setting {name!r}. Did you mean 'COPILOT_{near[0].upper()}'?",
                remedy="Correct or unset it.",
            )


def environment() -> dict[str, str]:
    """The process's environment, for child processes: nothing else reads ``os.environ``."""
    return dict(os.environ)
