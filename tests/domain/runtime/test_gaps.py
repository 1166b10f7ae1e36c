"""Followed logs say where lines may be missing."""

from contextlib import closing
from datetime import UTC, datetime

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
        flow.runtime.fakes[name].delete_output()
        flow.runtime.start(name)
        flow.runtime.print_lines(name, "the next")
        gap, last = next(lines for lines in batches if lines)
    assert (gap.stream, gap.at, gap.container, gap.component) == ("gap", first.at, name, "app")
    assert (first.text, last.text) == ("the first", "the next")


def test_a_container_that_printed_nothing_before_a_client_resumes_has_no_marker(ports: Ports):
    flow = fresh(ports)
    service_id = flow.running()
    name = flow.container(service_id, "app").name
    assert flow.runtime.output(name) == []
    since = datetime.now(UTC)
    flow.runtime.print_lines(name, "its first line")
    resumed = runtime.tail_service_logs(flow.ports, CALLER, service_id, last_event_id=since.isoformat())
    with closing(resumed) as batches:
        lines = next(lines for lines in batches if lines)
    assert [(line.stream, line.text) for line in lines] == [("stdout", "its first line")]
