"""Definitions: variables, sources, sizes and the check by the policy."""

from typing import Any

import pytest

from domain import compose
from domain.definitions import variables
from domain.definitions.changes import changed_definition, merge, new_definition
from domain.definitions.checked import check, resize, set_definition
from domain.definitions.sources import with_source
from domain.errors import Conflict, Invalid
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
    set_definition(service, check(ports.vault, service.definition, {}))
    return service


def _wrong(act: Any, *given: Any) -> list[str]:
    with pytest.raises(Invalid) as refused:
        act(*given)
    return list(refused.value.fields)


def test_limits_are_sums_without_rounding_errors(ports: Ports) -> None:
    three = "services: {web: {image: a, deploy: {replicas: 3, resources: {limits: {cpus: '0.1', memory: 16M}}}}}"
    assert _service(ports, three).limits == Limits(0.3, 48)


def test_one_container_without_a_limit_leaves_the_service_without(ports: Ports) -> None:
    assert _service(ports).limits == Limits(0.4, None)
    assert _service(ports, sizes={"web": Size(memory_mb=8)}).limits == Limits(0.4, 40)


def test_variables_are_encrypted_and_sorted_by_name(ports: Ports) -> None:
    stored = variables.encrypt(ports.vault, {"B": "1", "C": None}, {"A": "secret", "D": None})
    assert [(variable.name, variable.secret) for variable in stored] == [("A", True), ("B", False)]
    assert "secret" not in stored[0].value
    assert variables.decrypt(ports.vault, stored) == {"A": "secret", "B": "1"}


def test_all_errors_of_variables_are_reported_at_once(ports: Ports) -> None:
    given = {"A": "1", "B": "\0"}, {"A": "2", "C": "\0"}
    assert set(_wrong(variables.encrypt, ports.vault, *given)) == {"secrets.A", "variables.B", "secrets.C"}


def test_setting_a_definition_sets_the_fields_that_follow_from_it(ports: Ports) -> None:
    service = _service(ports, IMAGE, DeployMethod.IMAGE)
    assert (service.image, service.environment_revision) == ("web:1", 1)
    other = Definition(IMAGE.replace("web:1", "web:2"), (Variable("A", "1"),), sizes={"app": Size(cpu=0.5)})
    set_definition(service, check(ports.vault, other, {}))
    assert (service.image, service.environment_revision, service.limits) == ("web:2", 2, Limits(0.5, None))
    set_definition(service, check(ports.vault, other, {}))
    assert service.environment_revision == 2
    assert service.definition == other


def test_the_text_of_an_image_follows_the_image_and_the_port(ports: Ports) -> None:
    service = _service(ports, IMAGE, DeployMethod.IMAGE, port=8080)
    changed = changed_definition(ports.vault, service, {}, {"image": "shop/web:2", "port": 9090})
    app = changed.project.components[0]
    assert (changed.definition.port, app.expose, app.image) == (9090, (9090,), "shop/web:2")
    without = changed_definition(ports.vault, service, {}, {"port": None})
    assert (without.definition.port, without.project.components[0].expose) == (None, ())


@pytest.mark.parametrize("method", DeployMethod)
def test_the_source_of_another_deploy_method_is_refused(ports: Ports, method: DeployMethod) -> None:
    text = IMAGE if method is DeployMethod.IMAGE else TEXT
    others = [name for name in ("image", "compose") if name != method.value]
    with pytest.raises(Conflict, match=f"Cannot change {', '.join(others)}$"):
        with_source(_service(ports, text, method), {"image": "a", "compose": TEXT})


def test_a_text_that_the_policy_refuses_has_no_checked_definition(ports: Ports) -> None:
    assert _wrong(check, ports.vault, Definition("services: {}"), {}) == ["compose"]


def test_sizes_of_components_that_the_text_lacks_are_dropped(ports: Ports) -> None:
    sizes = {"web": Size(cpu=1.0), "gone": Size(cpu=1.0)}
    assert check(ports.vault, Definition(TEXT, sizes=sizes), {}).definition.sizes == {"web": Size(cpu=1.0)}


def test_a_size_without_values_is_not_stored(ports: Ports) -> None:
    checked = check(ports.vault, Definition(TEXT), {})
    assert resize(checked, None, {}).definition == checked.definition
    larger = resize(checked, None, {"cpu": 1.0})
    assert larger.definition.sizes == {"web": Size(cpu=1.0)}
    both = resize(larger, "db", {"memory_mb": 32})
    assert both.definition.sizes == {"web": Size(cpu=1.0), "db": Size(memory_mb=32)}
    assert resize(both, "web", {"cpu": None}).definition.sizes == {"db": Size(memory_mb=32)}
    assert _wrong(resize, checked, "nothing", {}) == ["component"]


def test_a_size_removed_brings_back_what_the_text_says(ports: Ports) -> None:
    checked = check(ports.vault, Definition(TEXT, sizes={"web": Size(replicas=1)}), {})
    assert [component.replicas for component in checked.project.components] == [1, 1]
    assert [component.replicas for component in resize(checked, "web", {"replicas": None}).project.components] == [1, 3]


def test_without_an_exposed_port_the_component_that_no_other_needs_is_resized(ports: Ports) -> None:
    hidden = Definition(TEXT.replace("    expose: [8080]\n", ""))
    assert resize(check(ports.vault, hidden, {}), None, {"cpu": 1.0}).definition.sizes == {"web": Size(cpu=1.0)}


def test_a_component_that_writes_to_a_volume_has_one_replica(ports: Ports) -> None:
    assert _wrong(check, ports.vault, Definition(TEXT, sizes={"db": Size(replicas=2)}), {}) == ["replicas"]
    assert _wrong(resize, check(ports.vault, Definition(TEXT), {}), "db", {"replicas": 2}) == ["replicas"]


def test_a_new_definition_is_parsed_once_also_when_it_is_resized(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    parse = compose.check
    monkeypatch.setattr(
        compose, "check", lambda text, *given, **options: texts.append(text) or parse(text, *given, **options)
    )
    body: Any = {"deploy_method": "compose", "compose": TEXT, "resources": {"memory_limit_mb": 64}}
    assert new_definition(ports, body).definition.sizes == {"web": Size(memory_mb=64)}
    assert texts == [TEXT]


def test_a_health_check_is_merged_by_member() -> None:
    before = HealthCheck("/", 80, 3, 4)
    assert merge(before, None) is None
    assert merge(before, {"path": "/up"}) == HealthCheck("/up", 80, 3, 4)
    assert merge(None, {"path": "/up"}) == HealthCheck("/up", None, 10, 5)
