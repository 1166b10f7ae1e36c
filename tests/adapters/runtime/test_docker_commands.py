"""What the Docker adapter does with commands that leave processes behind."""

from typing import Any

import pytest

from domain.adapters.docker import commands
from domain.errors import Unavailable
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


def test_a_command_whose_output_cannot_be_read_is_ended(
    real: RuntimeSetup, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = commands._read

    def cut(*arguments: Any) -> None:
        read(*arguments)
        raise Unavailable("The connection to the engine broke")

    monkeypatch.setattr(commands, "_read", cut)
    name = real.start()
    with pytest.raises(Unavailable):
        real.runtime.run_command(name, Command(("sleep", "405"), 1, 1000))
    assert "sleep 405" not in _processes(images, name)


def test_each_stream_says_itself_that_it_is_cut(real: RuntimeSetup) -> None:
    script = "printf 0123456789; printf 0123456789x >&2"
    result = real.runtime.run_command(real.start(), Command(("sh", "-c", script), 10, 10))
    assert (result.stdout, result.stderr, result.truncated) == ("0123456789", "0123456789…", True)
