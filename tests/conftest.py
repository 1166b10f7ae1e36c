"""What a run of the tests says at its end."""

import csv
from pathlib import Path

import pytest

from handlers.openapi31 import Document
from handlers.published import DOCUMENT
from tests.sizes import function_lines, module_lines, told

TABLE = Path(__file__).parent / "contract" / "operations.csv"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how small the pieces of the house are, and how much of the fixed table the document holds by now."""
    with TABLE.open() as lines:
        planned = {row["operation_id"] for row in csv.DictReader(lines)}
    there = {operation.operation_id for operation in Document.load(DOCUMENT.content).operations()}
    terminalreporter.write_line(f"house: {told(module_lines())} lines a module, {told(function_lines())} a function")
    terminalreporter.write_line(f"contract: {len(there & planned)} of {len(planned)} operations")
