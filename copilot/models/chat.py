"""The configured chat model: any provider that LangChain's init_chat_model takes."""

from __future__ import annotations

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel

from copilot.errors import ModelError, SettingsError


def configured(name: str, *, base_url: str, api_key: str, timeout: float) -> BaseChatModel:
    """Make the chat model that the settings name.

    Args:
        name: `provider:model`, as init_chat_model takes it, e.g. `openai:gpt-5`, `deepseek:…`.
        base_url: the endpoint, for anything that speaks the provider's protocol elsewhere.
        api_key: empty leaves it to the provider's own environment variable.
        timeout: seconds before one call is given up (providers' default is none).

    Raises:
        SettingsError: no such provider, its package is not installed, or its key is missing.
    """
    if not name.strip():
        # LangChain would take it for a model that is chosen at each call.
        raise SettingsError(f"model {name!r} names none.", remedy="Set COPILOT_MODEL.")
    options: dict[str, object] = {"timeout": timeout, "max_retries": 0, "temperature": 0.2}
    if base_url:
        options["base_url"] = base_url
    if api_key:
        options["api_key"] = api_key
    if name.startswith("openai:"):
        # Without it a custom base URL sends no usage, and usage is what budgets count.
        options["stream_usage"] = True
    try:
        model: BaseChatModel = init_chat_model(name, **options)  # type: ignore[call-overload]
    except ImportError as error:
        raise SettingsError(
            f"the provider of model {name!r} is not installed: {error}.",
            remedy="Install it (for example: pip install langchain-deepseek).",
        ) from error
    except Exception as error:  # each provider raises its own kinds
        raise SettingsError(
            f"model {name!r} cannot be used: {' '.join(str(error).split())}",
            remedy="Check COPILOT_MODEL (`provider:name`), COPILOT_MODEL_API_KEY and"
            " COPILOT_MODEL_BASE_URL; unset COPILOT_MODEL to run offline.",
        ) from error
    return model


def ping(model: BaseChatModel) -> None:
    """Ask the model for one short answer.

    Raises:
        ModelError: it did not answer, with the provider's own reason.
    """
    try:
        model.invoke("ping")
    except Exception as error:  # each provider raises its own kinds
        raise ModelError(
            f"the model did not answer: {error}",
            remedy="Check COPILOT_MODEL_BASE_URL, COPILOT_MODEL_API_KEY and the network; until then"
            " answers come from the offline model, marked as degraded.",
        ) from error
