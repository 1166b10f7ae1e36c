"""The containers of a service, of every deployment."""

import pytest

from domain import runtime
from domain.adapters import memory
from domain.adapters.images import HELLO
from domain.errors import NotFound, Unavailable
from domain.identity.access import Caller
from domain.model.project import Component
from domain.ports import Ports
from domain.ports.container_spec import ContainerSpec
from domain.runtime import ServiceContainer
from tests.flow import CALLER, Flow, fresh


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


def _containers(flow: Flow, service_id: str) -> list[ServiceContainer]:
    page = runtime.list_service_containers(flow.ports, CALLER, service_id)
    assert (page.total, page.page) == (len(page.items), 1)
    return page.items


def test_the_list_has_every_container_by_name_with_component_and_image(flow: Flow):
    web = f"{{image: '{HELLO}', expose: [8080], deploy: {{replicas: 2}}}}"
    service_id = flow.running(compose=f"services: {{web: {web}, db: {{image: 'web:1'}}}}")
    listed = _containers(flow, service_id)
    names = [item.container.name for item in listed]
    assert names == sorted(container.name for container in flow.containers(service_id))
    assert [(item.component, item.image) for item in listed] == [("db", "web:1"), ("web", HELLO), ("web", HELLO)]
    assert {item.deployment_id for item in listed} == {flow.service(service_id).live_deployment_id}
    assert {(item.container.state, item.container.exit_code) for item in listed} == {("running", None)}
    assert all(item.container.started_at for item in listed)
    assert {item.stats for item in listed} == {memory.DEFAULT_STATS}


def test_an_exited_container_is_listed_without_stats(flow: Flow):
    service_id = flow.running()
    flow.runtime.kill(flow.container(service_id).name)
    [found] = _containers(flow, service_id)
    assert (found.container.state, found.container.exit_code, found.stats) == ("exited", 137, None)


def test_containers_of_a_running_deployment_are_listed_beside_the_live_ones(flow: Flow):
    service_id, listed = flow.running(), list[ServiceContainer]()
    flow.deploy(service_id, image="web:2")
    flow.work(flow.during("switch", lambda: listed.extend(_containers(flow, service_id))))
    assert {item.image for item in listed} == {"web:1", "web:2"}
    assert len({item.deployment_id for item in listed}) == 2


def test_a_container_of_an_unknown_deployment_shows_the_engines_image_id(flow: Flow):
    service_id = flow.running()
    labels = {
        "panel.instance": flow.ports.instance,
        "panel.service": service_id,
        "panel.deployment": "dep_gone",
        "panel.role": "web",
    }
    digest = flow.runtime.pull("other:1", lambda _: None).digest
    flow.runtime.create(ContainerSpec("another", digest, Component("web", "other:1"), {}, {}, (), labels))
    found = next(item for item in _containers(flow, service_id) if item.container.name == "another")
    assert (found.image, found.container.state, found.container.started_at) == (digest, "created", None)


def test_containers_without_a_deployment_label_are_not_listed(flow: Flow):
    service_id = flow.running()
    labels = {"panel.instance": flow.ports.instance, "panel.service": service_id}
    digest = flow.runtime.pull("other:1", lambda _: None).digest
    flow.runtime.create(ContainerSpec("strange", digest, Component("web", "other:1"), {}, {}, (), labels))
    assert len(_containers(flow, service_id)) == 1


def test_a_service_without_containers_has_an_empty_list(flow: Flow):
    assert _containers(flow, flow.ask()) == []


def test_a_service_of_another_tenant_is_not_found(flow: Flow, customer_b: Caller):
    service_id = flow.running()
    with pytest.raises(NotFound):
        runtime.list_service_containers(flow.ports, customer_b, service_id)


def test_listing_containers_without_the_engine_is_unavailable(flow: Flow):
    service_id = flow.running()
    flow.runtime.away = True
    with pytest.raises(Unavailable):
        _containers(flow, service_id)
