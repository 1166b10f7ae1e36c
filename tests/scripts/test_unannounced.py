"""A breaking change of the document is announced in CHANGELOG.md, for its operations."""

import pytest

from scripts.linting.unannounced import unannounced

CHANGELOG = """# Changelog

## 0.3.0

- Dry runs return another status (`response-success-status-removed`: `stop_service`,
  `start_service`).
- Values can be added (`response-property-became-not-enum`).
- `stop_service` is faster.

## 0.2.0

- An old change (`api-removed-without-deprecation`).
"""


@pytest.mark.parametrize(
    ("identifier", "operation", "is_announced"),
    [
        ("response-success-status-removed", "stop_service", True),
        ("response-success-status-removed", "start_service", True),
        ("response-success-status-removed", "delete_service", False),
        ("response-property-became-not-enum", "get_service", True),
        ("request-property-removed", "stop_service", False),
        ("api-removed-without-deprecation", "get_service", False),
    ],
)
def test_a_breaking_change_is_announced_by_its_kind_and_its_operation(
    identifier: str, operation: str, is_announced: bool
) -> None:
    change = {"id": identifier, "operationId": operation, "text": "it changed"}
    lines = unannounced([change], CHANGELOG, "0.3.0")
    assert lines == ([] if is_announced else [f"{operation}: it changed (`{identifier}`)"])


def test_without_a_section_of_the_version_nothing_is_announced() -> None:
    change = {"id": "response-property-became-not-enum", "operationId": "get_service", "text": "it changed"}
    assert unannounced([change], CHANGELOG, "0.4.0")
