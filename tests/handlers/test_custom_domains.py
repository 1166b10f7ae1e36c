"""The operations of the tag `custom_domains` over HTTP, and the routes at the reverse proxy that follow from them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from domain.adapters import memory
from domain.errors import Unavailable
from domain.model.customer import Customer
from domain.ports.edge import OwnCertificate
from domain.ports.router import Target
from domain.rollout.edge_routes import synchronize
from tests.calls import error, tables
from tests.certificate_texts import Issued, issue
from tests.operation_data import Resources
from tests.operations.plans import create_plan
from tests.panel import Panel, start_panel

HOST = "shop.example.com"
ABROAD = "198.41.0.4"
MINE, OTHERS = "cust_mine", "cust_others"


@pytest.fixture
def dns(panel: Panel) -> memory.Dns:
    """The DNS of the panel."""
    assert isinstance(panel.ports.dns, memory.Dns)
    return panel.ports.dns


@pytest.fixture
def edge(panel: Panel) -> memory.Edge:
    """The reverse proxy of the panel."""
    assert isinstance(panel.ports.edge, memory.Edge)
    return panel.ports.edge


@pytest.fixture
def reader(panel: Panel) -> memory.WebReader:
    """What the panel reads files with."""
    assert isinstance(panel.ports.web_reader, memory.WebReader)
    return panel.ports.web_reader


def _attach(panel: Panel, host: str = HOST, key: str = "", **fields: Any) -> Any:
    service_id = fields.pop("service_id", None) or panel.service(f"web-{len(host)}", key=key)["id"]
    created = panel.post("/domains", {"host": host, "service_id": service_id, **fields}, key=key)
    assert created.status_code == 201, created.text
    return created.json()


def _publish(dns: memory.Dns, domain: Any) -> None:
    record = domain["verification"]["record"]
    dns.txt[record["name"]] = [record["value"], "v=spf1 -all"]


def _verify(panel: Panel, domain: Any, key: str = "") -> Any:
    return panel.post(f"/domains/{domain['id']}/verify", key=key)


def _proved(panel: Panel, dns: memory.Dns, host: str = HOST, key: str = "", **fields: Any) -> Any:
    domain = _attach(panel, host, key, **fields)
    _publish(dns, domain)
    verified = _verify(panel, domain, key)
    assert (verified.status_code, verified.json()["status"]) == (200, "verified"), verified.text
    return verified.json()


# ── Create ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_domain_waits_for_a_proof_and_says_how_to_give_it(panel: Panel, edge: memory.Edge) -> None:
    domain = _attach(panel)
    assert (domain["host"], domain["path"], domain["status"]) == (HOST, "/", "pending")
    record = domain["verification"]["record"]
    assert record["name"] == f"_ai-admin-panel.{HOST}"
    assert record["value"] in domain["next_step"]
    read = panel.get(f"/domains/{domain['id']}").json()
    assert read == domain
    assert panel.get("/domains").json()["data"] == [domain]
    assert panel.get(f"/services/{domain['service_id']}").json()["custom_domains"] == [HOST]
    synchronize(panel.ports)
    assert edge.routes == ()


@pytest.mark.parametrize(
    ("host", "stored"),
    [
        ("Shop.Example.COM.", "shop.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.example.com", "*.example.com"),
    ],
)
def test_hosts_are_stored_in_lower_case_and_punycode(panel: Panel, host: str, stored: str) -> None:
    assert _attach(panel, host)["host"] == stored


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "shop",
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "::1",
        "*",
        "*.com",
        "a.*.example.com",
        "shop..example.com",
        "-shop.example.com",
        "shop.example.com:8080",
        "shop.example.com/admin",
        "http://shop.example.com",
        "shop_.example.com",
        "shop.example.com\n",
        "{env.HOME}.example.com",
        f"{'a' * 64}.example.com",
        ".".join(["a" * 60] * 4),
        "panel.localhost",
    ],
)
def test_what_is_no_host_of_the_internet_is_refused(panel: Panel, host: str) -> None:
    service_id = panel.service()["id"]
    refused = panel.post("/domains", {"host": host, "service_id": service_id})
    assert (refused.status_code, list(error(refused)["fields"])) == (422, ["host"]), refused.text


@pytest.mark.parametrize("path", ["shop", "/../etc", "/a//b", "/a/", "/*", "/a?b", "/{env.HOME}", "/a b", "/.git"])
def test_only_plain_prefixes_are_paths(panel: Panel, path: str) -> None:
    refused = panel.post("/domains", {"host": HOST, "service_id": panel.service()["id"], "path": path})
    assert (refused.status_code, list(error(refused)["fields"])) == (422, ["path"]), refused.text


@pytest.mark.parametrize(
    "host", ["panel.example.net", "*.example.net", "apps.example.org", "shop.apps.example.org", "*.example.org"]
)
def test_the_panels_own_host_and_the_subdomains_of_services_are_refused(tmp_path: Path, host: str) -> None:
    with start_panel(
        tmp_path, public_url="https://Panel.example.net", base_domain="apps.example.org", service_ports=range(1, 9)
    ) as panel:
        refused = panel.post("/domains", {"host": host, "service_id": panel.service()["id"]})
    assert (refused.status_code, list(error(refused)["fields"])) == (422, ["host"]), refused.text


def _subscribe(panel: Panel) -> tuple[str, dict[str, str]]:
    """Create a customer with a subscription and return a key of it, and the subscription."""
    now = panel.ports.clock.now()
    with panel.ports.store.begin() as work:
        work.customers.add(Customer(MINE, "Tenant", now, now))
    subscribed = panel.post("/subscriptions", {"customer_id": MINE, "plan_id": create_plan(Resources(panel))})
    return panel.key("customer", MINE), subscribed.json()


def test_a_suspended_subscription_changes_no_domain(panel: Panel) -> None:
    key, subscription = _subscribe(panel)
    domain, before = _attach(panel, HOST, key), tables(panel)
    assert panel.post(f"/subscriptions/{subscription['id']}/suspend").status_code == 200
    for refused in (
        panel.patch(f"/domains/{domain['id']}", {"path": "/api"}, key=key),
        panel.put(f"/domains/{domain['id']}/certificate", issue(HOST).body, key=key),
    ):
        assert (refused.status_code, error(refused)["code"]) == (409, "subscription_suspended"), refused.text
    assert tables(panel)["custom_domains"] == before["custom_domains"]


def test_a_plan_without_domains_gets_none(panel: Panel) -> None:
    key, subscription = _subscribe(panel)
    plan_id = subscription["plan_id"]
    domain = _attach(panel, HOST, key)
    assert panel.patch(f"/plans/{plan_id}", {"features": {"custom_domains": False}}).status_code == 200
    for refused in (
        panel.post("/domains", {"host": "www.example.com", "service_id": domain["service_id"]}, key=key),
        panel.patch(f"/domains/{domain['id']}", {"path": "/api"}, key=key),
        _verify(panel, domain, key),
    ):
        assert (refused.status_code, error(refused)["code"]) == (403, "feature_not_in_plan"), refused.text
    assert panel.delete(f"/domains/{domain['id']}", key=key).status_code == 204


def test_a_redirect_leads_to_another_host(panel: Panel, dns: memory.Dns, edge: memory.Edge) -> None:
    domain = _proved(panel, dns, redirect_to="WWW.Example.com")
    synchronize(panel.ports)
    assert [route.redirect_to for route in edge.routes] == ["www.example.com"]
    for target in (HOST, "*.example.com", "nowhere"):
        refused = panel.patch(f"/domains/{domain['id']}", {"redirect_to": target})
        assert (refused.status_code, list(error(refused)["fields"])) == (422, ["redirect_to"])


def test_a_service_has_a_limited_number_of_domains(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.custom_domains.creation._MOST", 1)
    service_id = _attach(panel)["service_id"]
    refused = panel.post("/domains", {"host": "www.example.com", "service_id": service_id})
    assert (refused.status_code, error(refused)["code"]) == (409, "conflict")


def test_one_host_and_path_are_attached_once(panel: Panel) -> None:
    service_id = _attach(panel)["service_id"]
    refused = panel.post("/domains", {"host": HOST.upper(), "service_id": service_id})
    assert (refused.status_code, error(refused)["code"]) == (409, "conflict")
    other = _attach(panel, service_id=service_id, path="/api")
    moved = panel.patch(f"/domains/{other['id']}", {"path": "/"})
    assert (moved.status_code, error(moved)["code"]) == (409, "conflict")


def test_a_dry_run_looks_up_the_addresses_and_stores_nothing(panel: Panel, dns: memory.Dns) -> None:
    dns.hosts[HOST] = [ABROAD]
    tried = panel.post("/domains?dry_run=true", {"host": HOST, "service_id": panel.service()["id"]})
    assert (tried.status_code, tried.json()["dns"]["addresses"]) == (201, [ABROAD])
    assert tried.json()["dry_run"]["changes"][0]["resource"] == "domain"
    assert panel.get("/domains").json()["total"] == 0


def test_name_servers_that_do_not_answer_keep_nobody_from_attaching(panel: Panel, dns: memory.Dns) -> None:
    dns.away = True
    domain = _attach(panel)
    assert domain["dns"]["status"] == "unknown"
    refused = _verify(panel, domain)
    assert (refused.status_code, error(refused)["code"]) == (503, "dns_unavailable")
    assert panel.get(f"/domains/{domain['id']}").json() == domain


# ── Verify ───────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_proof_a_domain_stays_pending_and_says_what_is_missing(panel: Panel, edge: memory.Edge) -> None:
    tried = _verify(panel, _attach(panel)).json()
    assert (tried["status"], tried["verification"]["verified_at"]) == ("pending", None)
    assert f"_ai-admin-panel.{HOST}" in tried["verification"]["error"]
    synchronize(panel.ports)
    assert edge.routes == ()


def test_a_record_proves_a_domain_and_its_route_follows(panel: Panel, dns: memory.Dns, edge: memory.Edge) -> None:
    domain = _proved(panel, dns, path="/api")
    synchronize(panel.ports)
    (route,) = edge.routes
    assert (route.host, route.path, route.force_https) == (HOST, "/api", True)
    assert route.upstream == panel.ports.router.listener(domain["service_id"])
    active = panel.get(f"/domains/{domain['id']}").json()
    assert (active["status"], active["routing"]) == ("active", {"active": True, "error": None})


def test_a_file_on_the_host_proves_a_domain(panel: Panel, dns: memory.Dns, reader: memory.WebReader) -> None:
    domain, dns.hosts[HOST] = _attach(panel), [ABROAD]
    file = domain["verification"]["file"]
    reader.files[ABROAD, file["url"]] = b"something else"
    assert _verify(panel, domain).json()["status"] == "pending"
    reader.files[ABROAD, file["url"]] = f"{file['content']}\n".encode()
    assert _verify(panel, domain).json()["status"] == "verified"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fd00::1", "::ffff:10.0.0.1"],
)
def test_no_file_is_read_from_the_inside(panel: Panel, dns: memory.Dns, reader: memory.WebReader, address: str) -> None:
    domain, dns.hosts[HOST] = _attach(panel), [ABROAD, address]
    file = domain["verification"]["file"]
    reader.files[ABROAD, file["url"]] = reader.files[address, file["url"]] = file["content"].encode()
    tried = _verify(panel, domain).json()
    assert (tried["status"], reader.asked) == ("pending", [])
    assert address not in tried["verification"]["error"]


def test_a_wildcard_needs_a_record(panel: Panel, dns: memory.Dns, reader: memory.WebReader) -> None:
    domain = _attach(panel, "*.example.com")
    dns.hosts["*.example.com"] = [ABROAD]
    assert domain["verification"]["file"] is None
    assert domain["verification"]["record"]["name"] == "_ai-admin-panel.example.com"
    tried = _verify(panel, domain).json()
    assert (tried["status"], tried["dns"]["addresses"], reader.asked) == ("pending", [ABROAD], [])
    _publish(dns, domain)
    assert _verify(panel, domain).json()["status"] == "verified"


def test_attaching_again_needs_a_new_proof(panel: Panel, dns: memory.Dns) -> None:
    domain = _proved(panel, dns)
    assert panel.delete(f"/domains/{domain['id']}").status_code == 204
    again = _attach(panel, service_id=domain["service_id"])
    assert again["verification"]["record"]["value"] != domain["verification"]["record"]["value"]
    assert _verify(panel, again).json()["status"] == "pending"


def test_a_proof_outlasts_its_record(panel: Panel, dns: memory.Dns) -> None:
    domain = _proved(panel, dns)
    dns.txt.clear()
    assert _verify(panel, domain).json()["verification"] == domain["verification"]


# ── Several customers ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "other"),
    [
        (HOST, HOST),
        (HOST, "*.example.com"),
        ("*.example.com", HOST),
        ("*.example.com", "*.example.com"),
        ("xn--bcher-kva.example", "bücher.example"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/api"])
def test_a_proved_host_belongs_to_one_customer(panel: Panel, dns: memory.Dns, host: str, other: str, path: str) -> None:
    mine, others = panel.key("customer", MINE), panel.key("customer", OTHERS)
    late = _attach(panel, other, others, path=path)
    _proved(panel, dns, host, mine)
    _publish(dns, late)
    refused = _verify(panel, late, others)
    assert (refused.status_code, error(refused)["code"]) == (409, "domain_taken")
    body = {"host": other, "service_id": late["service_id"], "path": "/more"}
    refused = panel.post("/domains", body, key=others)
    assert (refused.status_code, error(refused)["code"]) == (409, "domain_taken")


@pytest.mark.parametrize("other", ["a.shop.example.com", "example.com", "*.shop.example.com", "myshop.example.com"])
def test_hosts_that_share_no_request_can_have_several_owners(panel: Panel, dns: memory.Dns, other: str) -> None:
    _proved(panel, dns, HOST, panel.key("customer", MINE))
    _proved(panel, dns, other, panel.key("customer", OTHERS))


def test_a_claim_without_a_proof_keeps_nobody_away(panel: Panel, dns: memory.Dns) -> None:
    _attach(panel, HOST, panel.key("customer", OTHERS))
    _proved(panel, dns, HOST, panel.key("customer", MINE))


def test_of_customers_that_prove_a_host_at_once_one_gets_it(panel: Panel, dns: memory.Dns) -> None:
    keys = [panel.key("customer", customer_id) for customer_id in (MINE, OTHERS)]
    domains = [_attach(panel, HOST, key) for key in keys]
    dns.txt[f"_ai-admin-panel.{HOST}"] = [domain["verification"]["record"]["value"] for domain in domains]
    with ThreadPoolExecutor(2) as pool:
        responses = list(pool.map(lambda domain, key: _verify(panel, domain, key), domains, keys))
    assert sorted(response.status_code for response in responses) == [200, 409]


def test_a_service_of_another_customer_does_not_exist(panel: Panel) -> None:
    theirs = panel.service(key=panel.key("customer", OTHERS))["id"]
    mine = panel.key("customer", MINE)
    real, unreal = (
        panel.post("/domains", {"host": HOST, "service_id": service_id}, key=mine)
        for service_id in (theirs, "svc_01aaaaaaaaaaaaaaaaaaaaaaaa")
    )
    assert (real.status_code, unreal.status_code) == (404, 404)


# ── Change and delete ────────────────────────────────────────────────────────────────────────────────


def test_a_change_reaches_the_reverse_proxy_and_nothing_else_does(
    panel: Panel, dns: memory.Dns, edge: memory.Edge
) -> None:
    domain = _proved(panel, dns)
    synchronize(panel.ports)
    assert edge.changes == 1
    panel.post(f"/services/{domain['service_id']}/deploy")
    panel.work()
    synchronize(panel.ports)
    assert edge.changes == 1, "a deployment switches behind the same port"
    assert panel.patch(f"/domains/{domain['id']}", {"force_https": False}).json()["force_https"] is False
    synchronize(panel.ports)
    assert (edge.changes, edge.routes[0].force_https) == (2, False)


def test_a_detached_domain_loses_its_route(panel: Panel, dns: memory.Dns, edge: memory.Edge) -> None:
    domain = _proved(panel, dns)
    synchronize(panel.ports)
    assert panel.delete(f"/domains/{domain['id']}").status_code == 204
    synchronize(panel.ports)
    assert edge.routes == ()
    assert panel.get(f"/services/{domain['service_id']}").json()["custom_domains"] == []


def test_a_deleted_service_takes_its_domains_along_before_its_port_is_free(
    panel: Panel, dns: memory.Dns, edge: memory.Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = _proved(panel, dns)
    synchronize(panel.ports)
    routed: list[int] = []
    close = panel.ports.router.close

    def close_and_count(service_id: str) -> None:
        routed.append(len(edge.routes))
        close(service_id)

    monkeypatch.setattr(panel.ports.router, "close", close_and_count)
    assert panel.delete(f"/services/{domain['service_id']}").status_code == 204
    assert routed[-1] == 0
    assert panel.get(f"/domains/{domain['id']}").status_code == 404


def test_a_reverse_proxy_that_is_away_is_named_and_catches_up(panel: Panel, dns: memory.Dns, edge: memory.Edge) -> None:
    domain, edge.away = _proved(panel, dns), True
    with pytest.raises(Unavailable):
        synchronize(panel.ports)
    shown = panel.get(f"/domains/{domain['id']}").json()
    assert "does not answer" in shown["routing"]["error"]
    edge.away = False
    synchronize(panel.ports)
    assert panel.get(f"/domains/{domain['id']}").json()["routing"] == {"active": True, "error": None}


def test_routes_that_are_in_place_change_no_domain(panel: Panel, dns: memory.Dns) -> None:
    domain = _proved(panel, dns)
    synchronize(panel.ports)
    tag = panel.get(f"/domains/{domain['id']}").headers["etag"]
    synchronize(panel.ports)
    assert panel.get(f"/domains/{domain['id']}").headers["etag"] == tag


def test_the_next_step_follows_the_addresses(panel: Panel, dns: memory.Dns) -> None:
    domain = _proved(panel, dns)
    assert "no address" in domain["next_step"]
    dns.hosts[HOST] = [ABROAD]
    _verify(panel, domain)
    synchronize(panel.ports)
    assert panel.get(f"/domains/{domain['id']}").json()["next_step"] == "Nothing is left to do."


def test_a_listener_is_where_the_service_can_be_reached(panel: Panel) -> None:
    service = panel.service()
    listener = panel.ports.router.listener(service["id"])
    assert listener == Target("127.0.0.1", int(service["url"].rpartition(":")[2]))
    assert panel.ports.router.listener("svc_none") is None


def test_the_panel_and_the_subdomains_of_services_have_routes(tmp_path: Path) -> None:
    with start_panel(tmp_path, public_url="https://panel.example.net:443/", base_domain="apps.example.org") as panel:
        edge, service = panel.ports.edge, panel.service("shop")
        assert isinstance(edge, memory.Edge)
        synchronize(panel.ports)
        listener = panel.ports.router.listener(service["id"])
        assert [(route.host, route.upstream) for route in edge.routes] == [
            ("panel.example.net", Target("127.0.0.1", 8080)),
            ("shop.apps.example.org", listener),
        ]
        panel.delete(f"/services/{service['id']}")
        assert [route.host for route in edge.routes] == ["panel.example.net"]


# ── Certificates ─────────────────────────────────────────────────────────────────────────────────────


def _upload(panel: Panel, domain: Any, issued: Issued, **options: Any) -> Any:
    return panel.put(f"/domains/{domain['id']}/certificate", issued.body, **options)


def test_an_uploaded_certificate_reaches_the_route_and_its_key_nobody(
    panel: Panel, dns: memory.Dns, edge: memory.Edge
) -> None:
    domain, issued = _proved(panel, dns), issue("*.example.com")
    uploaded = _upload(panel, domain, issued)
    assert uploaded.status_code == 200, uploaded.text
    certificate = uploaded.json()["certificate"]
    assert (certificate["source"], certificate["status"], certificate["names"]) == (
        "uploaded",
        "valid",
        ["*.example.com"],
    )
    synchronize(panel.ports)
    assert [route.certificate for route in edge.routes] == [OwnCertificate(issued.chain, issued.key_text)]
    everything = uploaded.text + panel.get("/domains").text + panel.get("/audit").text + str(tables(panel, audit=True))
    assert not [line for line in issued.key_text.splitlines()[1:-1] if line in everything.replace("\\n", "\n")]


@pytest.mark.parametrize(
    ("issued", "field", "message"),
    [
        (issue("www.example.com"), "certificate", "does not cover"),
        (issue("*.shop.example.com"), "certificate", "does not cover"),
        (issue(HOST, start=-9, end=-1), "certificate", "not now"),
        (issue(HOST, start=1), "certificate", "not now"),
        (Issued(issue(HOST).certificate, issue(HOST).key), "private_key", "does not belong"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(panel: Panel, issued: Issued, field: str, message: str) -> None:
    domain = _attach(panel)
    refused = _upload(panel, domain, issued)
    assert refused.status_code == 422
    assert message in error(refused)["fields"][field]
    assert panel.get(f"/domains/{domain['id']}").json() == domain


def test_a_certificate_near_its_end_is_named(panel: Panel, dns: memory.Dns, edge: memory.Edge) -> None:
    domain = _proved(panel, dns)
    dns.hosts[HOST] = [ABROAD]
    _verify(panel, domain)
    _upload(panel, domain, issue(HOST, end=7))
    synchronize(panel.ports)
    shown = panel.get(f"/domains/{domain['id']}").json()
    assert (shown["certificate"]["status"], "expiring" in shown["next_step"]) == ("expiring", True)
    panel.patch(f"/domains/{domain['id']}", {"certificate_source": "automatic"})
    shown = panel.get(f"/domains/{domain['id']}").json()
    assert (shown["certificate"]["source"], shown["next_step"]) == ("automatic", "Nothing is left to do.")
    synchronize(panel.ports)
    assert edge.routes[0].certificate is None


def test_a_certificate_is_not_served_for_a_host_of_another_customer(
    panel: Panel, dns: memory.Dns, edge: memory.Edge
) -> None:
    mine = _proved(panel, dns, HOST, panel.key("customer", MINE))
    _upload(panel, mine, issue(HOST, "blog.example.net"))
    _proved(panel, dns, "blog.example.net", panel.key("customer", OTHERS))
    synchronize(panel.ports)
    assert [route.certificate for route in edge.routes] == [None, None]


def test_a_certificate_is_not_served_for_the_panel_or_the_subdomains_of_services(tmp_path: Path) -> None:
    settings = {"public_url": "https://panel.example.net", "base_domain": "apps.example.org"}
    for number, name in enumerate(("panel.example.net", "*.example.net", "*.apps.example.org")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with start_panel(folder, **settings) as panel:
            dns, edge = panel.ports.dns, panel.ports.edge
            assert isinstance(dns, memory.Dns)
            assert isinstance(edge, memory.Edge)
            _upload(panel, _proved(panel, dns), issue(HOST, name))
            synchronize(panel.ports)
            assert [route.certificate for route in edge.routes if route.host == HOST] == [None]


def test_a_certificate_that_the_proxy_refuses_keeps_no_other_domain_from_its_route(
    panel: Panel, dns: memory.Dns, edge: memory.Edge
) -> None:
    good, bad = _proved(panel, dns), _proved(panel, dns, "www.example.com")
    issued = {good["id"]: issue(HOST), bad["id"]: issue("www.example.com")}
    for domain in (bad, good):
        _upload(panel, domain, issued[domain["id"]])
    edge.refused.add(issued[bad["id"]].chain)
    for _ in range(2):
        synchronize(panel.ports)
        assert {route.host: bool(route.certificate) for route in edge.routes} == {HOST: True, "www.example.com": False}
    assert panel.get(f"/domains/{good['id']}").json()["routing"]["error"] is None
    assert "refuses" in panel.get(f"/domains/{bad['id']}").json()["routing"]["error"]
    assert edge.changes == 1
