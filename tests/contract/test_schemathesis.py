"""Schemathesis attacks every operation while a worker carries out what it asks for; nothing leaves the document."""

import logging
import os
from collections.abc import Iterator

import pytest

from tests.contract.reading import operations
from tests.contract.schemathesis_run import Report, Target, run_schemathesis
from tests.operation_data import pending_operations
from tests.panel import Panel

SEED = int(os.environ.get("CONTRACT_SEED", "1"))
LABELS = {
    operation.id: f"{operation.method.upper()} {operation.path}"
    for operation in operations()
    if operation.id not in pending_operations()
}
PARTS = 4
"""The tests of single operations run in parts, which are tests of their own, so that they run in parallel."""


@pytest.fixture(scope="module")
def target(panel: Panel) -> Iterator[Target]:
    """A panel whose worker really works."""
    panel.worker.start()
    yield Target(panel.app, panel.admin, panel.get("/auth/me").json()["id"])
    panel.worker.stop()


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(
    ("phases", "examples"), [(("examples", "coverage"), 1), (("fuzzing",), 8)], ids=["coverage", "fuzzing"]
)
def test_no_request_that_can_be_made_up_gets_an_answer_that_is_not_promised(
    target: Target, phases: tuple[str, ...], examples: int, part: int, caplog: pytest.LogCaptureFixture
) -> None:
    only = sorted(LABELS)[part::PARTS]
    report = run_schemathesis(target, phases, SEED, examples, only)
    _assert_faultless(report, caplog)
    assert {label for label, _ in report.seen} == {LABELS[operation_id] for operation_id in only}


def test_no_sequence_of_requests_gets_an_answer_that_is_not_promised(
    target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    report = run_schemathesis(target, ("stateful",), SEED, examples=60)
    _assert_faultless(report, caplog)
    assert len({label for label, _ in report.seen}) > 20


def _assert_faultless(report: Report, caplog: pytest.LogCaptureFixture) -> None:
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert not report.failures, f"seed {SEED}\n\n{report}"
    assert not report.errors, f"seed {SEED}\n\n{report}"
    assert {label for label, _ in report.seen} <= set(LABELS.values())
