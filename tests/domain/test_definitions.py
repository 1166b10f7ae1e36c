"""From what a caller asks for to a definition that passes the policy."""

from typing import Any

import pytest

from domain import definitions
from domain.errors import Invalid
from domain.model.definition import Definition, HealthCheck, Size, Variable
from domain.model.service import DeployMethod, Limits, Service
from domain.ports import Ports

TEXT = """\
services:
  db: {image: 'db:1', volumes: ['data:/d'], deploy: {resources: {limits: {cpus: '0.1', memory: 16M}}}}
  web:
    image: web:1
    expose: [8080]
    depends_on: [db]
    deploy: {replicas: 3, resources: {limits: {cpus: '0.1'}}}
volumes: {data: }
"""
IMAGE = "services:\n  app:\n    image: web:1\n    expose: [8080]\n"


def _service(ports: Ports, text: str = TEXT, method: DeployMethod = DeployMethod.COMPOSE, **fields: Any) -> Service:
    now = ports.clock.now()
    service = Service("svc_1", "web", method, Definition(text, **fields), created_at=now, updated_at=now)
    definitions.adopt(ports.vault, service, service.definition)
    return service


def _wrong(act: Any, *given: Any) -> list[str]:
    with pytest.raises(Invalid) as refused:
        act(*given)
    return list(refused.value.fields)


def test_limits_are_sums_without_the_noise_of_floats(ports: Ports) -> None:
    three = "services: {web: {image: a, deploy: {replicas: 3, resources: {limits: {cpus: '0.1', memory: 16M}}}}}"
    assert _service(ports, three).limits == Limits(0.3, 48)


def test_one_container_without_a_limit_leaves_the_whole_without(ports: Ports) -> None:
    assert _service(ports).limits == Limits(0.4, None)
    assert _service(ports, sizes={"web": Size(memory_mb=8)}).limits == Limits(0.4, 40)


def test_variables_are_sealed_and_in_the_order_of_their_names(ports: Ports) -> None:
    stored = definitions.variables(ports.vault, {"B": "1", "C": None}, {"A": "secret", "D": None})
    assert [(one.name, one.secret) for one in stored] == [("A", True), ("B", False)]
    assert "secret" not in stored[0].value
    assert definitions.opened(ports.vault, stored) == {"A": "secret", "B": "1"}


def test_all_that_is_wrong_with_variables_is_told_at_once(ports: Ports) -> None:
    given = {"A": "1", "B": "\0"}, {"A": "2", "C": "\0"}
    assert set(_wrong(definitions.variables, ports.vault, *given)) == {"secrets.A", "variables.B", "secrets.C"}


def test_a_definition_is_adopted_with_all_that_follows_from_it(ports: Ports) -> None:
    service = _service(ports, IMAGE, DeployMethod.IMAGE)
    assert (service.image, service.environment_revision) == ("web:1", 1)
    other = Definition(IMAGE.replace("web:1", "web:2"), (Variable("A", "1"),), sizes={"app": Size(cpu=0.5)})
    definitions.adopt(ports.vault, service, other)
    assert (service.image, service.environment_revision, service.limits) == ("web:2", 2, Limits(0.5, None))
    definitions.adopt(ports.vault, service, other)
    assert service.environment_revision == 2
    assert _wrong(definitions.adopt, ports.vault, service, Definition("services: {}")) == ["compose"]
    assert service.definition == other


def test_the_text_of_an_image_follows_what_its_owner_changes(ports: Ports) -> None:
    service = _service(ports, IMAGE, DeployMethod.IMAGE, port=8080)
    changed = definitions.sourced(ports.vault, service, {"image": "shop/web:2", "port": 9090})
    assert changed.port == 9090
    app = definitions.project(ports.vault, changed).components[0]
    assert (app.expose, app.image) == ((9090,), "shop/web:2")
    lifted = definitions.sourced(ports.vault, service, {"port": None})
    assert (lifted.port, definitions.project(ports.vault, lifted).components[0].expose) == (None, ())


@pytest.mark.parametrize("method", DeployMethod)
def test_a_source_of_another_method_is_refused(ports: Ports, method: DeployMethod) -> None:
    text = IMAGE if method is DeployMethod.IMAGE else TEXT
    refused = _wrong(definitions.sourced, ports.vault, _service(ports, text, method), {"image": "a", "compose": TEXT})
    assert set(refused) == {"image", "compose"} - {method.value}


def test_a_size_that_says_nothing_is_not_kept(ports: Ports) -> None:
    definition = Definition(TEXT)
    project = definitions.project(ports.vault, definition)
    assert definitions.resized(definition, project, None, {}) == definition
    grown = definitions.resized(definition, project, None, {"cpu": 1.0})
    assert grown.sizes == {"web": Size(cpu=1.0)}
    both = definitions.resized(grown, project, "db", {"memory_mb": 32})
    assert both.sizes == {"web": Size(cpu=1.0), "db": Size(memory_mb=32)}
    assert definitions.resized(both, project, "web", {"cpu": None}).sizes == {"db": Size(memory_mb=32)}
    assert _wrong(definitions.resized, definition, project, "nothing", {}) == ["component"]


def test_where_nothing_is_exposed_the_size_is_not_that_of_a_database(ports: Ports) -> None:
    hidden = Definition(TEXT.replace("    expose: [8080]\n", ""))
    grown = definitions.resized(hidden, definitions.project(ports.vault, hidden), None, {"cpu": 1.0})
    assert grown.sizes == {"web": Size(cpu=1.0)}


def test_writers_to_a_volume_cannot_be_multiplied(ports: Ports) -> None:
    assert _wrong(definitions.project, ports.vault, Definition(TEXT, sizes={"db": Size(replicas=2)})) == ["replicas"]


def test_a_health_check_is_merged_member_by_member() -> None:
    before = HealthCheck("/", 80, 3, 4)
    assert definitions.health_check({}, before) == before
    assert definitions.health_check({"health_check": None}, before) is None
    assert definitions.health_check({"health_check": {"path": "/up"}}, before) == HealthCheck("/up", 80, 3, 4)
    assert definitions.health_check({"health_check": {"path": "/up"}}, None) == HealthCheck("/up", None, 10, 5)
