"""The containers of a service, of every deployment."""

import pytest

from domain import runtime
from domain.adapters import memory
from domain.adapters.images import HELLO
from domain.errors import NotFound, Unavailable
from domain.identity.access import Caller
from domain.model.project import Component
from domain.ports import Ports
from domain.ports.runtime import ContainerSpec
from domain.runtime import ServiceContainer
from tests.flow import CALLER, Flow, fresh


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


def _containers(flow: Flow, service_id: str) -> list[ServiceContainer]:
    page = runtime.list_service_containers(flow.ports, CALLER, service_id)
    assert (page.total, page.page) == (len(page.items), 1)
    return page.items


def test_every_container_is_there_by_name_with_what_it_is_for(flow: Flow):
    web = f"{{image: '{HELLO}', expose: [8080], deploy: {{replicas: 2}}}}"
    service_id = flow.running(compose=f"services: {{web: {web}, db: {{image: 'web:1'}}}}")
    found = _containers(flow, service_id)
    names = [one.container.name for one in found]
    assert names == sorted(one.name for one in flow.containers(service_id))
    assert [(one.component, one.image) for one in found] == [("db", "web:1"), ("web", HELLO), ("web", HELLO)]
    assert {one.deployment_id for one in found} == {flow.service(service_id).live_deployment_id}
    assert {(one.container.state, one.container.exit_code) for one in found} == {("running", None)}
    assert all(one.container.started_at for one in found)
    assert {one.stats for one in found} == {memory.DEFAULT_STATS}


def test_what_ended_is_there_without_figures(flow: Flow):
    service_id = flow.running()
    flow.runtime.kill(flow.container(service_id).name)
    [found] = _containers(flow, service_id)
    assert (found.container.state, found.container.exit_code, found.stats) == ("exited", 137, None)


def test_a_deployment_that_is_being_made_shows_beside_the_live_one(flow: Flow):
    service_id, seen = flow.running(), list[ServiceContainer]()
    flow.deploy(service_id, image="web:2")
    flow.work(flow.during("switch", lambda: seen.extend(_containers(flow, service_id))))
    assert {one.image for one in seen} == {"web:1", "web:2"}
    assert len({one.deployment_id for one in seen}) == 2


def test_an_image_that_no_row_names_is_called_what_the_engine_calls_it(flow: Flow):
    service_id = flow.running()
    labels = {
        "panel.instance": flow.ports.instance,
        "panel.service": service_id,
        "panel.deployment": "dep_gone",
        "panel.role": "web",
    }
    digest = flow.runtime.pull("other:1", lambda _: None).digest
    flow.runtime.create(ContainerSpec("another", digest, Component("web", "other:1"), {}, {}, (), labels))
    found = next(one for one in _containers(flow, service_id) if one.container.name == "another")
    assert (found.image, found.container.state, found.container.started_at) == (digest, "created", None)


def test_containers_that_are_not_of_a_deployment_are_not_ours(flow: Flow):
    service_id = flow.running()
    labels = {"panel.instance": flow.ports.instance, "panel.service": service_id}
    digest = flow.runtime.pull("other:1", lambda _: None).digest
    flow.runtime.create(ContainerSpec("strange", digest, Component("web", "other:1"), {}, {}, (), labels))
    assert len(_containers(flow, service_id)) == 1


def test_a_service_without_containers_has_an_empty_list(flow: Flow):
    assert _containers(flow, flow.ask()) == []


def test_another_tenants_service_is_not_there(flow: Flow, customer_b: Caller):
    service_id = flow.running()
    with pytest.raises(NotFound):
        runtime.list_service_containers(flow.ports, customer_b, service_id)


def test_without_the_engine_nothing_is_known(flow: Flow):
    service_id = flow.running()
    flow.runtime.away = True
    with pytest.raises(Unavailable):
        _containers(flow, service_id)
