"""What a deployment changed: computed outside of transactions, and once for equal texts."""

from typing import Any

import pytest

from domain import deployments, services
from domain.deployments import differences
from domain.deployments.differences import Difference, compare
from domain.deployments.line_diff import unified_diff
from domain.identity.access import Caller
from domain.model.definition import Definition, HealthCheck, Size, Variable
from domain.ports import Ports
from domain.ports.transactions import in_transaction


def test_a_first_definition_is_new_as_a_whole() -> None:
    difference = compare(None, Definition("services: {}", (Variable("A", "1"),), port=80))
    assert difference == Difference(
        "--- before\n+++ after\n@@ -0,0 +1 @@\n+services: {}", ("A",), (), (), (), (), (), ()
    )


def test_variables_and_settings_are_compared_by_name() -> None:
    old = Definition("a", (Variable("KEPT", "1"), Variable("GONE", "1"), Variable("CHANGED", "1")), timeout=1)
    new = Definition(
        "a",
        (Variable("KEPT", "1"), Variable("NEW", "1"), Variable("CHANGED", "2")),
        port=80,
        sizes={"web": Size(cpu=1.0)},
        health_check=HealthCheck("/"),
        timeout=2,
    )
    settings = ("port", "resources", "healthcheck", "deploy_timeout")
    assert compare(old, new) == Difference(None, ("NEW",), ("GONE",), ("CHANGED",), (), (), (), settings)


def test_the_diff_is_computed_once_and_outside_of_transactions(
    ports: Ports, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []

    def compute(old: str, new: str) -> str | None:
        assert not in_transaction()
        computed.append(new)
        return unified_diff(old, new)

    monkeypatch.setattr(differences, "unified_diff", compute)
    body: Any = {"name": "web", "deploy_method": "image", "image": "shop/only-in-this-test:1"}
    made: Any = services.create_service(ports, admin, body).result
    for _ in range(3):
        changes = deployments.get_deployment(ports, admin, made.deployment_id).changes
        assert "only-in-this-test" in (changes.compose or "")
    deployments.cancel_deployment(ports, admin, made.deployment_id)
    assert len(computed) == 1
