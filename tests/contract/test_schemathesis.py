"""Schemathesis attacks every operation while a worker carries out what it asks for; nothing leaves the document."""

import logging
import os
from collections.abc import Iterator

import pytest

from tests.contract.reading import operations
from tests.contract.schemathesis_run import Target, run_schemathesis
from tests.operation_data import pending_operations
from tests.panel import Panel

SEED = int(os.environ.get("CONTRACT_SEED", "1"))
LABELS = {
    f"{operation.method.upper()} {operation.path}"
    for operation in operations()
    if operation.id not in pending_operations()
}


@pytest.fixture(scope="module")
def target(panel: Panel) -> Iterator[Target]:
    """A panel whose worker really works."""
    panel.worker.start()
    yield Target(panel.app, panel.admin, panel.get("/auth/me").json()["id"])
    panel.worker.stop()


@pytest.mark.parametrize(
    ("phases", "examples"),
    [(("examples", "coverage"), 1), (("fuzzing",), 8), (("stateful",), 60)],
    ids=["coverage", "fuzzing", "stateful"],
)
def test_no_request_that_can_be_made_up_gets_an_answer_that_is_not_promised(
    target: Target, phases: tuple[str, ...], examples: int, caplog: pytest.LogCaptureFixture
) -> None:
    report = run_schemathesis(target, phases, SEED, examples)
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert not report.failures, f"seed {SEED}\n\n{report}"
    assert not report.errors, f"seed {SEED}\n\n{report}"
    asked = {label for label, _ in report.seen}
    assert asked <= LABELS
    assert len(asked) > 20 if "stateful" in phases else asked == LABELS
