"""A panel that does all of its work, on the engine that DOCKER_HOST names."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from processes import PANEL, answers, ask, environment, free_port, printed, running


class Panel:
    """Its port, an admin's key, and what both are good for."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """The JSON of a good answer."""
        status, _, told = ask(self.port, method, f"/api{path}", self.key, body)
        assert status < 300, told
        return told

    def deployed(self, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The id of a service that runs, and the operation that brought it there."""
        made = self.ask("POST", "/services", {"name": "bench", **body})
        ended = self.ask("GET", f"/operations/{made['operation_id']}?wait=60")
        assert ended["status"] == "succeeded", ended
        return str(made["id"]), ended


@contextmanager
def serving(folder: Path) -> Iterator[Panel]:
    """One with its data in this folder."""
    port = free_port()
    given = environment(folder, PANEL_PORT=str(port))
    key = printed([PANEL, "create-key"], given).strip()
    with running([PANEL, "serve"], given, partial(answers, port)):
        yield Panel(port, key)
