"""The compose text that the panel writes for a service from an image."""

from typing import Any

import yaml


def for_image(image: str, port: int | None, command: list[str] | None) -> str:
    """Return a text with one service, `app`. Values are literal: a `$` is escaped."""
    app: dict[str, Any] = {"image": _literal(image)}
    if command is not None:
        app["command"] = [_literal(word) for word in command]
    if port is not None:
        app["expose"] = [port]
    return yaml.safe_dump({"services": {"app": app}}, sort_keys=False)


def with_image(text: str, image: str) -> str:
    """Return a text made by `for_image` with another image."""
    document = yaml.safe_load(text)
    app = next(iter(document["services"].values()))
    app["image"] = _literal(image)
    return yaml.safe_dump(document, sort_keys=False)


def with_port(text: str, port: int | None) -> str:
    """The text with another port for visitors, or none of its own; for texts that `for_image` wrote."""
    document = yaml.safe_load(text)
    app = next(iter(document["services"].values()))
    app["expose"] = [port]
    if port is None:
        del app["expose"]
    return yaml.safe_dump(document, sort_keys=False)


def _literal(text: str) -> str:
    return text.replace("$", "$$")
