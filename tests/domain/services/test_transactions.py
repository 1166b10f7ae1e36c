"""Rules that store or deploy a definition check it once, outside of transactions, and start over if it has changed.

The vault of `tests.fake_ports` and the check of texts (`tests/conftest.py`) fail inside a transaction.
"""

from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from domain import compose, deployments, environment, services, templates
from domain.catalogue import builtin
from domain.errors import Conflict, Stale
from domain.identity.access import Caller
from domain.model.deployment import Trigger
from domain.model.masking import MASK
from domain.ports import Ports
from domain.ports.store import IdempotentRequest
from domain.resources import revisions

TEXT = "services: {web: {image: 'shop/web:1', expose: [8080], environment: {KEY: '${KEY}'}}}"
SECRETS = {"secrets": {"KEY": "a secret"}}
Rule = Callable[[Ports, Caller, str], object]
RULES: dict[str, Rule] = {
    "create_service": lambda ports, caller, _: services.create_service(
        ports,
        caller,
        {"name": "other", "deploy_method": "compose", "compose": TEXT, **SECRETS, "resources": {"cpu_limit": 1.0}},
    ),
    "validate_service": lambda ports, caller, _: services.validate_service(
        ports, caller, {"compose": TEXT, "variables": {"KEY": "x"}}
    ),
    "update_service": lambda ports, caller, service_id: services.update_service(
        ports, caller, service_id, {"compose": f"{TEXT}\n", "resources": {"cpu_limit": 1.0}, "labels": {"a": "b"}}
    ),
    "deploy_service": lambda ports, caller, service_id: deployments.deploy_service(
        ports, caller, service_id, {"compose": f"{TEXT}\n"}
    ),
    "scale_service": lambda ports, caller, service_id: deployments.scale_service(
        ports, caller, service_id, {"replicas": 2}
    ),
    "rollback_service": lambda ports, caller, service_id: deployments.rollback_service(
        ports,
        caller,
        service_id,
        {"deployment_id": services.get_service(ports, caller, service_id).deployment_id or ""},
    ),
    "replace_environment": lambda ports, caller, service_id: environment.replace_environment(
        ports, caller, service_id, {"secrets": {"KEY": "another"}}
    ),
    "update_environment": lambda ports, caller, service_id: environment.update_environment(
        ports, caller, service_id, {"variables": {"MORE": "1"}}
    ),
    "preview_template": lambda ports, caller, _: templates.preview_template(ports, caller, "postgres", {}),
    "deploy_template": lambda ports, caller, _: templates.deploy_template(ports, caller, "postgres", {"name": "db"}),
}
ALL = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
ONCE = pytest.mark.parametrize("idempotent", [False, True], ids=["plain", "idempotent"])


class Policy:
    """Counts the texts that are checked, and runs `during` while the first of them is.

    A definition with secrets is checked twice, the first time with masked values; the second check is not counted.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checked: list[str] = []
        self.during: Callable[[], object] | None = None
        self._masked: str | None = None
        self._check = compose.check
        monkeypatch.setattr(compose, "check", self.check)

    def check(self, text: str, variables: dict[str, str], *files: Any, **options: Any) -> compose.CheckResult:
        if self.during:
            during, self.during = self.during, None
            thread = Thread(target=during)
            thread.start()
            thread.join()
        masked = MASK in variables.values()
        if masked or text != self._masked:
            self.checked.append(text)
        self._masked = text if masked else None
        return self._check(text, variables, *files, **options)


@pytest.fixture
def service_id(ports: Ports, admin: Caller) -> str:
    """A service with a secret, whose first deployment has succeeded."""
    made: Any = services.create_service(
        ports, admin, {"name": "shop", "deploy_method": "compose", "compose": TEXT, **SECRETS}
    ).result
    with ports.store.begin() as work:
        service, deployment = work.services.get(made.service.id), work.deployments.get(made.deployment_id)
        assert service
        assert deployment
        work.services.save(replace(service, live_deployment_id=deployment.id))
        work.deployments.save(replace(deployment, status="succeeded"))
        work.operations.remove(deployment.operation_id)
    return str(service.id)


@pytest.fixture
def policy(service_id: str, monkeypatch: pytest.MonkeyPatch) -> Policy:
    builtin.templates()  # loading the catalogue checks every template
    return Policy(monkeypatch)


def _run(ports: Ports, act: Callable[[], object], *, idempotent: bool) -> None:
    if idempotent:
        request = IdempotentRequest("key_1", "one", "digest")
        ports.store.run_once(request, ports.clock.now(), lambda: b"done" if act() else b"nothing")
    else:
        act()


@ALL
@ONCE
def test_a_rule_checks_a_text_once_and_calls_neither_vault_nor_policy_in_a_transaction(
    ports: Ports, admin: Caller, service_id: str, policy: Policy, rule: Rule, idempotent: bool
) -> None:
    _run(ports, lambda: rule(ports, admin, service_id), idempotent=idempotent)
    assert len(policy.checked) == 1


@pytest.mark.parametrize(
    "name", ["update_service", "deploy_service", "scale_service", "replace_environment", "update_environment"]
)
@ONCE
def test_a_rule_starts_over_when_the_definition_has_changed_since_it_was_read(
    ports: Ports, admin: Caller, service_id: str, policy: Policy, name: str, idempotent: bool
) -> None:
    policy.during = lambda: environment.update_environment(ports, admin, service_id, {"variables": {"NEW": "1"}})
    _run(ports, lambda: RULES[name](ports, admin, service_id), idempotent=idempotent)
    assert len(policy.checked) == 3
    names = {variable.name for variable in services.get_service(ports, admin, service_id).service.definition.variables}
    assert ("NEW" in names) is (name != "replace_environment"), "a replacement starts from what it replaces"


def test_a_change_of_what_was_not_checked_is_kept(ports: Ports, admin: Caller, service_id: str, policy: Policy) -> None:
    policy.during = lambda: services.update_service(ports, admin, service_id, {"labels": {"team": "sales"}})
    services.update_service(ports, admin, service_id, {"name": "store"})
    service = services.get_service(ports, admin, service_id).service
    assert (service.name, service.labels) == ("store", {"team": "sales"})


def test_a_rollback_starts_over_when_another_deployment_went_live(
    ports: Ports, admin: Caller, service_id: str, policy: Policy
) -> None:
    first = services.get_service(ports, admin, service_id).deployment_id
    live = _succeeded(ports, admin, service_id)
    policy.during = lambda: _succeeded(ports, admin, service_id)
    rolled_back = deployments.rollback_service(ports, admin, service_id).result
    assert rolled_back.deployment.trigger is Trigger.ROLLBACK
    assert rolled_back.deployment.rollback_of == live != first


def _succeeded(ports: Ports, caller: Caller, service_id: str) -> str:
    """Queue a deployment and store that it went live."""
    made: Any = deployments.deploy_service(ports, caller, service_id).result
    with ports.store.begin() as work:
        service = work.services.get(service_id)
        assert service
        work.services.save(replace(service, live_deployment_id=made.deployment.id))
        work.deployments.save(replace(made.deployment, status="succeeded"))
        work.operations.remove(made.deployment.operation_id)
    return str(made.deployment.id)


def test_a_tag_that_goes_stale_while_the_text_is_checked_is_stale(
    ports: Ports, admin: Caller, service_id: str, policy: Policy
) -> None:
    tag = revisions.etag(services.get_service(ports, admin, service_id).service.revision)
    policy.during = lambda: services.update_service(ports, admin, service_id, {"labels": {"team": "sales"}})
    with pytest.raises(Stale):
        services.update_service(ports, admin, service_id, {"name": "store"}, if_match=tag)


def test_a_rule_gives_up_when_the_definition_keeps_changing(
    ports: Ports, admin: Caller, service_id: str, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 0

    def change_again() -> None:
        nonlocal number
        number += 1
        environment.update_environment(ports, admin, service_id, {"variables": {"N": str(number)}})
        policy.during = change_again

    monkeypatch.setattr(revisions, "_ATTEMPTS", 3)
    policy.during = change_again
    with pytest.raises(Conflict, match="keep changing"):
        services.update_service(ports, admin, service_id, {"deploy_timeout": 7})
