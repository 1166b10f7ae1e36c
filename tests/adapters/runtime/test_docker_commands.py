"""What the Docker adapter does with commands that leave processes behind."""

from typing import Any

import pytest

from domain.ports.commands import Command
from tests.engine import Images
from tests.runtime_setup import RuntimeSetup

pytestmark = pytest.mark.engine


def _processes(images: Images, name: str) -> str:
    found: dict[str, Any] = images.client.top(name)
    return str(found["Processes"])


def test_the_time_limit_ends_what_the_command_has_started_and_nothing_else(real: RuntimeSetup, images: Images) -> None:
    name = real.start("web", "web:1", user="65534:65534")  # root in the helper is no owner of its processes
    other = Command(("sh", "-c", "sleep 401 & exit 0"), 10, 1000)
    assert real.runtime.run_command(name, other).exit_code == 0
    script = "trap '' TERM HUP INT; (sleep 402 & sleep 403) & exec >&- 2>&-; sleep 404"
    assert real.runtime.run_command(name, Command(("sh", "-c", script), 1, 1000)).exit_code is None
    processes = _processes(images, name)
    assert "sleep 401" in processes
    assert not [number for number in (402, 403, 404) if f"sleep {number}" in processes]
    assert not images.client.containers(all=True, filters={"label": "panel.command-helper"})
