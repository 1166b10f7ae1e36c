"""The compose text of a service that was deployed from nothing but an image."""

from typing import Any

import yaml


def for_image(image: str, port: int | None, command: list[str] | None) -> str:
    """A text with one service, `app`; every value means itself, a `$` in it too."""
    app: dict[str, Any] = {"image": _literal(image)}
    if command is not None:
        app["command"] = [_literal(word) for word in command]
    if port is not None:
        app["expose"] = [port]
    return yaml.safe_dump({"services": {"app": app}}, sort_keys=False)


def with_image(text: str, image: str) -> str:
    """The text with another image for its first service; for texts that `for_image` wrote."""
    written = yaml.safe_load(text)
    first = next(iter(written["services"].values()))
    first["image"] = _literal(image)
    return yaml.safe_dump(written, sort_keys=False)


def with_port(text: str, port: int | None) -> str:
    """The text with another port for visitors, or none of its own; for texts that `for_image` wrote."""
    written = yaml.safe_load(text)
    first = next(iter(written["services"].values()))
    first["expose"] = [port]
    if port is None:
        del first["expose"]
    return yaml.safe_dump(written, sort_keys=False)


def _literal(text: str) -> str:
    return text.replace("$", "$$")
