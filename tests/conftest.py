"""The summary of a test run; a run of all tests fails if a documented status was not seen."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from domain import compose
from domain.compose import CheckResult
from domain.ports.transactions import in_transaction
from scripts.scaffold.row import read_table
from tests.conformance import READ_DOCUMENT, SEEN
from tests.contract import statuses
from tests.sizes import format_spread, function_lines, module_lines

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def _policy_outside_of_transactions() -> Iterator[None]:
    """Fail a rule that checks a compose text inside a transaction: while it does, nobody else can write."""
    check = compose.check

    def guarded(*arguments: Any, **named: Any) -> CheckResult:
        assert not in_transaction(), "compose.check() was called inside a transaction"
        return check(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "check", guarded)
        yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the statuses that a worker process has seen; the main process checks them."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["seen"] = sorted(SEEN)
    elif _is_full_run(session.config) and list(statuses.mismatches(SEEN)):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect the statuses of a worker process that has ended."""
    SEEN.update(map(tuple, getattr(node, "workeroutput", {}).get("seen", ())))


def _is_full_run(config: pytest.Config) -> bool:
    """Return whether this is a run of all tests."""
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the sizes of modules and functions, the number of operations, and the statuses seen."""
    planned = read_table().keys()
    implemented = {operation.operation_id for operation in READ_DOCUMENT.operations()}
    write_line = terminalreporter.write_line
    write_line(f"house: {format_spread(module_lines())} lines a module, {format_spread(function_lines())} a function")
    write_line(f"contract: {len(implemented & planned)} of {len(planned)} operations")
    for line in [*statuses.table(SEEN), *statuses.mismatches(SEEN)] if _is_full_run(config) else ():
        write_line(line)
