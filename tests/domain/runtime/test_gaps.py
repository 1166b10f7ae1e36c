"""Followed logs say where lines may be missing."""

from contextlib import closing

import pytest

from domain import runtime
from domain.ports import Ports
from domain.runtime import following
from tests.flow import CALLER, fresh


@pytest.mark.parametrize("search", [None, "t"])
def test_output_that_was_deleted_before_it_was_read_leaves_a_marker(
    ports: Ports, search: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(following, "_REFRESH_INTERVAL", 0.1)
    flow = fresh(ports)
    service_id = flow.running()
    name = flow.container(service_id, "app").name
    given = {"search": search} if search else {}
    with closing(runtime.tail_service_logs(flow.ports, CALLER, service_id, **given)) as batches:
        flow.runtime.print_lines(name, "the first")
        [first] = next(lines for lines in batches if lines)
        flow.runtime.kill(name)
        assert [next(batches) for _ in range(3)] == [(), (), ()]
        flow.runtime.fakes[name].lines.clear()
        flow.runtime.start(name)
        flow.runtime.print_lines(name, "the next")
        gap, last = next(lines for lines in batches if lines)
    assert (gap.stream, gap.at, gap.container, gap.component) == ("gap", first.at, name, "app")
    assert (first.text, last.text) == ("the first", "the next")
