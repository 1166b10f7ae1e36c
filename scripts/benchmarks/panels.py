"""A complete panel, on the engine of DOCKER_HOST unless its settings say otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from processes import PANEL, command_output, environment, free_port, is_up, send_request, start_process


class Panel:
    """A running panel: its port, an admin key, and the ID of its process."""

    def __init__(self, port: int, key: str, pid: int) -> None:
        self.port = port
        self.key = key
        self.pid = pid

    def request(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Send a request and return the JSON of its response. It must succeed."""
        status, _, content = send_request(self.port, method, f"/api{path}", self.key, body)
        assert status < 300, content
        return content

    def deploy(self, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Deploy a service. Return its ID and the ended operation."""
        service = self.request("POST", "/services", {"name": "bench", **body})
        operation = self.request("GET", f"/operations/{service['operation_id']}?wait=60")
        assert operation["status"] == "succeeded", operation
        return str(service["id"]), operation


@contextmanager
def start_panel(folder: Path, **settings: str) -> Iterator[Panel]:
    """Run a panel with its data in `folder`."""
    port = free_port()
    given = environment(folder, PANEL_PORT=str(port), **settings)
    key = command_output([PANEL, "create-key"], given).strip()
    with start_process([PANEL, "serve"], given, partial(is_up, port)) as pid:
        yield Panel(port, key, pid)
