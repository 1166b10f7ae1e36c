"""From which registries images come, and when the engine's own copy is used."""

from dataclasses import replace

import pytest

from domain import deployments
from domain.adapters import memory
from domain.ports import Ports
from domain.ports.runtime import PullFailed, RegistryRateLimited, RegistryRefused, RegistryUnavailable
from tests.flow import CALLER, Flow, Killed, Trap, fresh

AWAY = memory.Behaviour(ports=(8080,), pull_error=RegistryUnavailable("away"))


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


def _code(flow: Flow, service_id: str) -> str | None:
    failure = flow.newest(service_id).failure
    return failure.code if failure else None


@pytest.mark.parametrize(
    "image",
    [
        "127.0.0.1:5000/a/b:1",
        "localhost/a/b:1",
        "localhost:2375/a:1",
        "127.1:80/a/b",
        "169.254.169.254/latest/meta-data:1",
        "10.0.0.1:80/a@sha256:" + "0" * 64,
        "registry.lan/a/b:1",
        "LOCALHOST/a/b:1",
    ],
)
def test_a_registry_of_the_inside_is_not_asked(ports: Ports, image: str):
    ports = replace(ports, resolver=memory.Resolver({"registry.lan": ("192.168.0.1",)}))
    flow = fresh(ports)
    flow.runtime.images[image] = memory.Behaviour(pull_error=AssertionError("the engine was asked"))  # type: ignore[arg-type]
    service_id = flow.ask(image=image)
    flow.work()
    failure = flow.newest(service_id).failure
    assert failure
    assert failure.code == "registry_refused"
    assert "PANEL_ALLOWED_NETWORKS" in failure.message
    assert "192.168" not in failure.message


@pytest.mark.parametrize("referred", ["127.0.0.1", "metadata.lan", "::1", "0x7f.1"])
def test_a_registry_that_sends_its_clients_to_the_inside_is_not_asked(ports: Ports, referred: str):
    image = "registry.example.com:5000/a/b:1"
    ports = replace(
        ports,
        resolver=memory.Resolver({"metadata.lan": ("169.254.169.254",), "::1": ("::1",)}),
        registry_prober=memory.RegistryProber({"registry.example.com:5000": {"auth.example.com", referred}}),
    )
    flow = fresh(ports)
    flow.runtime.images[image] = memory.Behaviour(pull_error=AssertionError("the engine was asked"))  # type: ignore[arg-type]
    service_id = flow.ask(image=image)
    flow.work()
    failure = flow.newest(service_id).failure
    assert failure
    assert failure.code == "registry_refused"
    assert referred not in failure.message


def test_a_registry_with_a_token_server_on_the_internet_is_asked(ports: Ports):
    prober = memory.RegistryProber({"registry.example.com": {"auth.example.com"}})
    flow = fresh(replace(ports, registry_prober=prober))
    service_id = flow.ask(image="registry.example.com/a/b:1")
    flow.work()
    assert flow.newest(service_id).status == "succeeded"


def test_a_registry_in_an_allowed_network_is_asked(ports: Ports):
    flow = fresh(replace(ports, settings=replace(ports.settings, allowed_networks=("127.0.0.0/8",))))
    service_id = flow.ask(image="127.0.0.1:5000/a/b:1")
    flow.work()
    assert flow.newest(service_id).status == "succeeded"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (RegistryRefused("denied"), "registry_refused"),
        (RegistryRateLimited("later"), "registry_rate_limited"),
        (RegistryUnavailable("away"), "registry_unavailable"),
    ],
)
def test_a_failed_pull_fails_the_deployment_with_its_code(flow: Flow, fault: PullFailed, code: str):
    flow.runtime.images["shop/private:1"] = memory.Behaviour(pull_error=fault)
    service_id = flow.ask(image="shop/private:1", customer_id="cust_1")
    flow.work()
    assert _code(flow, service_id) == code


@pytest.mark.parametrize("fault", [RegistryRefused("denied"), RegistryUnavailable("away")])
def test_a_tenant_does_not_get_an_image_that_another_one_has_pulled(flow: Flow, fault: PullFailed):
    flow.ask(name="first", image="shop/private:1", customer_id="cust_1")
    flow.work()
    flow.runtime.images["shop/private:1"] = memory.Behaviour(pull_error=fault)
    other = flow.ask(name="second", image="shop/private:1", customer_id="cust_2")
    flow.work()
    assert _code(flow, other) == fault.code


def test_a_tenant_does_not_get_the_image_of_another_one_by_its_digest(flow: Flow):
    first = flow.ask(name="first", image="shop/private:1", customer_id="cust_1")
    flow.work()
    digest = flow.newest(first).images["shop/private:1"]
    asked = Trap(0, Killed)
    other = flow.ask(name="second", image=digest, customer_id="cust_2")
    flow.work(flow.trapped(asked))
    assert (flow.newest(other).status, asked.log.count("pull")) == ("succeeded", 1), "the registry says who may have it"


def test_while_the_registry_is_away_a_service_goes_on_with_the_image_that_it_runs(flow: Flow):
    service_id = flow.ask(image="shop/web:1", customer_id="cust_1")
    flow.work()
    digest = flow.newest(service_id).images["shop/web:1"]
    flow.runtime.images["shop/web:1"] = AWAY
    flow.redeploy(service_id)
    assert flow.newest(service_id).images["shop/web:1"] == digest
    assert "the copy that the engine has is used" in flow.log(flow.newest(service_id).id)


def test_a_denied_image_is_not_taken_from_the_engine_though_the_service_runs_it(flow: Flow):
    service_id = flow.ask(image="shop/web:1", customer_id="cust_1")
    flow.work()
    flow.runtime.images["shop/web:1"] = memory.Behaviour(pull_error=RegistryRefused("denied"))
    flow.redeploy(service_id)
    assert _code(flow, service_id) == "registry_refused"


def test_a_rollback_needs_no_registry(flow: Flow):
    service_id = flow.ask(image="shop/web:1", customer_id="cust_1")
    flow.work()
    flow.redeploy(service_id, image="shop/web:2")
    flow.runtime.images |= {"shop/web:1": AWAY, "shop/web:2": AWAY}
    deployments.rollback_service(flow.ports, CALLER, service_id)
    flow.work()
    assert flow.newest(service_id).status == "succeeded"


def test_a_service_of_the_panel_itself_may_use_an_image_that_no_registry_has(flow: Flow):
    flow.runtime.pull("local/web:1", lambda _: None)
    flow.runtime.images["local/web:1"] = memory.Behaviour(exists=False)
    tenant = flow.ask(name="tenant", image="local/web:1", customer_id="cust_1")
    own = flow.ask(name="own", image="local/web:1")
    flow.work()
    assert _code(flow, tenant) == "image_missing"
    assert flow.newest(own).status == "succeeded"
