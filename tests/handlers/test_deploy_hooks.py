"""Deploy hooks over HTTP: who makes them, and what a delivery does."""

import hashlib
import hmac
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from domain.deployments import deploy_pushed
from domain.identity.access import Caller
from domain.model.customer import Customer, TenantStatus
from tests.calls import error, tables
from tests.http_server import serve_http
from tests.operation_data import Resources
from tests.operations.plans import create_plan
from tests.panel import Panel, start_panel

NUMBERS = count(1)
UNKNOWN = "/hooks/hook_01aaaaaaaaaaaaaaaaaaaaaaaa"


@dataclass
class Sender:
    """A Git server or pipeline that knows the secret of a hook."""

    panel: Panel
    hook: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/hooks/{self.hook['id']}"

    def push(self, **fields: Any) -> httpx.Response:
        """Send a push of the branch main, unless `fields` differ; each with an ID of its own."""
        return self.send(delivery(**fields))

    def send(self, body: bytes, **headers: str) -> httpx.Response:
        """Send a body with its signature."""
        signature = hmac.new(self.hook["secret"].encode(), body, hashlib.sha256).hexdigest()
        signed = {
            "github": {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Event": "push"},
            "gitea": {"X-Gitea-Signature": signature, "X-Gitea-Event": "push"},
            "gitlab": {"X-Gitlab-Token": self.hook["secret"], "X-Gitlab-Event": "Push Hook"},
            "generic": {"X-Hub-Signature-256": f"sha256={signature}"},
        }[self.hook["provider"]]
        sent = {"Content-Type": "application/json", **signed, **self.headers, **headers}
        return self.panel.post(self.path, content=body, key=None, headers=sent)


def delivery(**fields: Any) -> bytes:
    """Return a new push as a body."""
    sent_at = datetime.now(UTC).isoformat()
    return orjson.dumps({"id": f"{next(NUMBERS)}", "sent_at": sent_at, "ref": "refs/heads/main", **fields})


def create(panel: Panel, service_id: str, provider: str = "generic", key: str = "", **fields: Any) -> Sender:
    """Create a hook and return what calls it."""
    body = {"name": "Shop", "provider": provider, **fields}
    created = panel.post(f"/services/{service_id}/deploy-hooks", body, key=key)
    assert created.status_code == 201, created.text
    return Sender(panel, created.json())


def last_delivery(panel: Panel, sender: Sender) -> dict[str, Any]:
    """Return the hook's last delivery."""
    hooks = panel.get(f"/services/{sender.hook['service_id']}/deploy-hooks").json()["data"]
    (hook,) = (hook for hook in hooks if hook["id"] == sender.hook["id"])
    return dict(hook["last_delivery"])


def deployments(panel: Panel, service_id: str) -> list[dict[str, Any]]:
    """Return the deployments of a service that pushes started, newest first."""
    listed = panel.get(f"/deployments?service_id={service_id}&trigger=hook&per_page=100").json()
    return list(listed["data"])


# ── Create, list and delete ──────────────────────────────────────────────────────────────────────────


def test_the_secret_is_shown_once_and_stored_encrypted(panel: Panel) -> None:
    service = panel.service()
    created = panel.post(f"/services/{service['id']}/deploy-hooks", {"name": "Shop", "provider": "github"})
    secret = created.json()["secret"]
    assert (len(secret), created.headers["cache-control"]) == (43, "no-store")
    assert created.json()["url"] == f"http://localhost:8080/api/hooks/{created.json()['id']}"
    listed = panel.get(f"/services/{service['id']}/deploy-hooks")
    assert [hook["name"] for hook in listed.json()["data"]] == ["Shop"]
    audit = panel.get("/audit-events?action=create_deploy_hook")
    assert audit.json()["total"] == 1
    assert secret not in listed.text + audit.text + str(tables(panel, audit=True))


def test_a_hook_filters_branches_or_tags_but_not_both(panel: Panel) -> None:
    service = panel.service()
    both = {"name": "Shop", "provider": "github", "branch": "main", "tag": "v*"}
    refused = panel.post(f"/services/{service['id']}/deploy-hooks", both)
    assert (refused.status_code, list(error(refused)["fields"])) == (422, ["tag"])


@pytest.mark.parametrize("pattern", ["", "-rf", "a b", "a\nb", "a~1", "a^", "a:b", "a?", "a[b", "a\\b", "x" * 256])
def test_a_pattern_that_no_branch_can_have_is_refused(panel: Panel, pattern: str) -> None:
    body = {"name": "Shop", "provider": "github", "branch": pattern}
    refused = panel.post(f"/services/{panel.service()['id']}/deploy-hooks", body)
    assert (refused.status_code, list(error(refused)["fields"])) == (422, ["branch"])


def test_a_service_has_at_most_ten_hooks(panel: Panel) -> None:
    service = panel.service()
    for _ in range(10):
        create(panel, service["id"])
    refused = panel.post(f"/services/{service['id']}/deploy-hooks", {"name": "Shop", "provider": "generic"})
    assert (refused.status_code, error(refused)["code"]) == (409, "too_many_hooks")


def test_a_key_that_may_not_deploy_cannot_make_a_hook_that_does(panel: Panel) -> None:
    service = panel.service()
    key = panel.key("admin", denied_permissions=("services.deploy",))
    body = {"name": "Shop", "provider": "generic"}
    refused = panel.post(f"/services/{service['id']}/deploy-hooks", body, key=key)
    assert (refused.status_code, error(refused)["code"]) == (403, "forbidden")
    assert panel.get(f"/services/{service['id']}/deploy-hooks").json()["total"] == 0


def test_a_hook_is_deleted_only_under_its_own_service(panel: Panel) -> None:
    sender, other = create(panel, panel.service()["id"]), panel.service("other")
    assert panel.delete(f"/services/{other['id']}/deploy-hooks/{sender.hook['id']}").status_code == 404
    assert sender.push().status_code == 202


@pytest.mark.parametrize("what", ["hook", "service"])
def test_a_deleted_hook_and_one_of_a_deleted_service_are_unknown(panel: Panel, what: str) -> None:
    service = panel.service()
    sender = create(panel, service["id"])
    hook = f"/services/{service['id']}/deploy-hooks/{sender.hook['id']}"
    assert panel.delete(hook if what == "hook" else f"/services/{service['id']}").is_success
    refused = sender.push()
    assert error(refused) == error(panel.post(UNKNOWN, content=b"{}", headers={"Content-Type": "application/json"}))
    assert refused.status_code == 401


# ── Deliveries ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("provider", ["github", "gitlab", "gitea", "generic"])
def test_a_push_deploys_the_service(panel: Panel, provider: str) -> None:
    service = panel.service()
    sender = create(panel, service["id"], provider, branch="main")
    received = sender.push()
    assert (received.status_code, received.json()["result"]) == (202, "deployed")
    panel.work()
    (deployed,) = deployments(panel, service["id"])
    assert (deployed["id"], deployed["status"]) == (received.json()["deployment_id"], "succeeded")
    assert (deployed["trigger"], deployed["actor_id"]) == ("hook", sender.hook["id"])
    assert received.headers["location"] == f"/api/operations/{deployed['operation_id']}"
    assert panel.get(f"/services/{service['id']}").json()["deployment_id"] == deployed["id"]
    delivered = last_delivery(panel, sender)
    assert (delivered["result"], delivered["ref"]) == ("deployed", "refs/heads/main")
    assert delivered["deployment_id"] == deployed["id"]


def test_two_services_on_one_repository_are_deployed_by_hooks_of_their_own(panel: Panel) -> None:
    shop, admin = panel.service("shop"), panel.service("admin")
    senders = [create(panel, shop["id"], "github", branch="main"), create(panel, admin["id"], "github", tag="v*")]
    for ref, deployed in (("refs/heads/main", [1, 0]), ("refs/tags/v1", [1, 1])):
        body = delivery(ref=ref)
        assert [sender.send(body).status_code for sender in senders] == [202, 202]
        panel.work()
        assert [len(deployments(panel, service["id"])) for service in (shop, admin)] == deployed


def test_what_the_hook_does_not_wait_for_is_accepted_and_ignored(panel: Panel) -> None:
    service = panel.service()
    sender = create(panel, service["id"], "github", branch="main")
    receipts = [
        sender.send(b'{"zen": "Design for failure."}', **{"X-GitHub-Event": "ping"}),
        sender.push(ref="refs/heads/other"),
        sender.push(deleted=True),
    ]
    assert [receipt.status_code for receipt in receipts] == [202] * 3
    assert [receipt.json()["reason"] for receipt in receipts] == ["not_a_push", "ref_filtered", "ref_deleted"]
    assert deployments(panel, service["id"]) == []
    assert last_delivery(panel, sender)["reason"] == "ref_deleted"


def test_a_wrong_signature_is_refused_like_an_unknown_hook_and_writes_nothing(panel: Panel) -> None:
    sender = create(panel, panel.service()["id"])
    other = Sender(panel, {**sender.hook, "secret": "x" * 43})
    unknown = Sender(panel, {**sender.hook, "id": UNKNOWN.rpartition("/")[2]})
    before = tables(panel, audit=True)
    refused = [
        other.push(),
        unknown.push(),
        panel.post(sender.path, content=delivery(), key=None, headers={"Content-Type": "application/json"}),
        panel.post(sender.path, content=b"{", key=None, headers={"Content-Type": "application/json"}),
        sender.send(delivery(), **{"X-Hub-Signature-256": "sha256="}),
    ]
    assert [response.status_code for response in refused] == [401] * 5
    assert all(error(response) == error(refused[0]) for response in refused)
    assert all(response.headers.keys() == refused[0].headers.keys() for response in refused)
    assert tables(panel, audit=True) == before


def test_a_signature_counts_for_the_bytes_as_they_were_sent(panel: Panel) -> None:
    sender = create(panel, panel.service()["id"], "github")
    body = b'{ "ref":"refs/heads/main",\r\n  "b":1.0, "a":1, "a":2, "big":123456789012345678901234567890 }\n'
    assert sender.send(body).status_code == 202


def test_a_signature_of_another_hook_is_refused(panel: Panel) -> None:
    one, other = create(panel, panel.service()["id"]), create(panel, panel.service("other")["id"])
    assert Sender(panel, {**one.hook, "secret": other.hook["secret"]}).push().status_code == 401


@pytest.mark.parametrize("provider", ["github", "gitlab", "gitea", "generic"])
def test_a_repeated_delivery_is_refused_and_changes_nothing(panel: Panel, provider: str) -> None:
    sender, body = create(panel, panel.service()["id"], provider), delivery()
    ids = {"X-GitHub-Delivery": "d1", "X-Gitea-Delivery": "d1", "X-Gitlab-Event-UUID": "d1"}
    assert sender.send(body, **ids).status_code == 202
    panel.work()
    before = tables(panel)
    repeated = sender.send(body, **ids)
    assert (repeated.status_code, error(repeated)["code"]) == (409, "delivery_repeated")
    assert tables(panel) == before


@pytest.mark.parametrize("provider", ["github", "gitea"])
def test_a_captured_push_with_a_new_id_is_refused(panel: Panel, provider: str) -> None:
    sender, body = create(panel, panel.service()["id"], provider), delivery()
    assert sender.send(body, **{"X-GitHub-Delivery": "d1", "X-Gitea-Delivery": "d1"}).status_code == 202
    again = sender.send(body, **{"X-GitHub-Delivery": "d2", "X-Gitea-Delivery": "d2"})
    assert (again.status_code, error(again)["code"]) == (409, "delivery_repeated")


def test_of_parallel_repetitions_one_is_accepted(panel: Panel) -> None:
    service = panel.service()
    sender, body = create(panel, service["id"], "github"), delivery()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: sender.send(body).status_code, range(8)))
    assert sorted(statuses) == [202] + [409] * 7
    assert len(deployments(panel, service["id"])) == 1


def test_an_old_generic_delivery_is_refused_and_shown(panel: Panel) -> None:
    sender = create(panel, panel.service()["id"])
    refused = sender.push(sent_at="2026-01-01T00:00:00Z")
    assert (refused.status_code, list(error(refused)["fields"])) == (422, ["sent_at"])
    assert last_delivery(panel, sender)["result"] == "refused"
    assert last_delivery(panel, sender)["reason"] == "validation_error"


def test_a_flood_of_pushes_is_one_deployment_that_waits(panel: Panel) -> None:
    service = panel.service()
    sender = create(panel, service["id"], "github")
    receipts = [sender.push() for _ in range(20)]
    assert {receipt.status_code for receipt in receipts} == {202}
    assert len({receipt.json()["deployment_id"] for receipt in receipts}) == 1
    assert len(deployments(panel, service["id"])) == 1
    panel.work()
    assert sender.push().json()["deployment_id"] != receipts[0].json()["deployment_id"]


def test_a_push_after_a_change_of_the_definition_gets_a_deployment_of_its_own(panel: Panel) -> None:
    service = panel.service()
    sender = create(panel, service["id"])
    first = sender.push().json()["deployment_id"]
    assert panel.patch(f"/services/{service['id']}", {"deploy_timeout": 77}).is_success
    second = sender.push().json()["deployment_id"]
    assert first != second
    panel.work()
    assert panel.get(f"/deployments/{second}").json()["status"] == "succeeded"


def test_the_memory_of_a_hook_is_bounded(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.deploy_hooks.receiving._KEPT_DIGESTS", 5)
    sender = create(panel, panel.service()["id"])
    for _ in range(12):
        assert sender.push().status_code == 202
    assert len(tables(panel)["seen_deliveries"]) <= 6  # two of one millisecond count as one


# ── What a hook may do ───────────────────────────────────────────────────────────────────────────────


def test_a_hook_is_the_actor_in_the_audit_record(panel: Panel) -> None:
    sender = create(panel, panel.service()["id"])
    request_id = sender.push().headers["x-request-id"]
    events = panel.get(f"/audit-events?request_id={request_id}").json()["data"]
    assert {event["actor_type"] for event in events} == {"deploy_hook"}
    assert {(event["actor_id"], event["action"]) for event in events} == {(sender.hook["id"], "receive_deploy_hook")}
    assert panel.get(f"/audit-events?actor_id={sender.hook['id']}").json()["total"] == len(events)


def test_a_hook_can_do_nothing_but_deploy(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    callers: list[Caller] = []
    monkeypatch.setattr(
        "domain.deploy_hooks.receiving.deploy_pushed",
        lambda ports, caller, *rest: callers.append(caller) or deploy_pushed(ports, caller, *rest),
    )
    service = panel.service(customer_id="cust_a")
    assert create(panel, service["id"]).push().status_code == 202
    (caller,) = callers
    assert (caller.permissions, caller.customer_id) == ({"services.deploy"}, "cust_a")


def test_a_secret_of_a_hook_is_no_key(panel: Panel) -> None:
    sender = create(panel, panel.service()["id"])
    assert panel.get("/services", key=sender.hook["secret"]).status_code == 401


def test_a_hook_deploys_no_service_with_power_over_the_host(tmp_path: Path) -> None:
    text = "services:\n  app:\n    image: ai-admin-panel/hello:1\n    privileged: true\n"
    with start_panel(tmp_path, host_access="owner") as panel:
        service = panel.post("/services", {"name": "web", "deploy_method": "compose", "compose": text}).json()
        panel.work()
        refused = create(panel, service["id"]).push()
        assert (refused.status_code, deployments(panel, service["id"])) == (422, [])


CUSTOMER = "cust_tenant"


@pytest.fixture
def tenant_hook(panel: Panel) -> Sender:
    """The hook of a service of a customer with a subscription."""
    now = panel.ports.clock.now()
    with panel.ports.store.begin() as work:
        work.customers.add(Customer(CUSTOMER, "Tenant", now, now))
    plan_id = create_plan(Resources(panel))
    subscribed = panel.post("/subscriptions", {"customer_id": CUSTOMER, "plan_id": plan_id}).json()
    sender = create(panel, panel.service(customer_id=CUSTOMER)["id"])
    sender.hook |= {"plan_id": plan_id, "subscription_id": subscribed["id"]}
    return sender


def _refusal(sender: Sender) -> tuple[int, str]:
    refused = sender.push()
    assert deployments(sender.panel, sender.hook["service_id"]) == []
    assert last_delivery(sender.panel, sender)["reason"] == error(refused)["code"]
    return refused.status_code, error(refused)["code"]


def _set_status(panel: Panel, status: TenantStatus) -> None:
    with panel.ports.store.begin() as work:
        customer = work.customers.get(CUSTOMER)
        assert customer
        work.customers.save(replace(customer, status=status))


def test_the_hook_of_a_suspended_customer_is_refused(tenant_hook: Sender) -> None:
    _set_status(tenant_hook.panel, TenantStatus.SUSPENDED)
    assert _refusal(tenant_hook) == (409, "customer_suspended")


def test_a_delivery_that_was_refused_can_be_sent_again(tenant_hook: Sender) -> None:
    body = delivery()
    _set_status(tenant_hook.panel, TenantStatus.SUSPENDED)
    assert tenant_hook.send(body).status_code == 409
    _set_status(tenant_hook.panel, TenantStatus.ACTIVE)
    assert tenant_hook.send(body).status_code == 202


@pytest.mark.parametrize(("verb", "code"), [("suspend", "subscription_suspended"), ("expire", "subscription_expired")])
def test_the_hook_of_a_subscription_that_is_not_active_is_refused(tenant_hook: Sender, verb: str, code: str) -> None:
    assert tenant_hook.panel.post(f"/subscriptions/{tenant_hook.hook['subscription_id']}/{verb}").is_success
    assert _refusal(tenant_hook) == (409, code)


def test_a_feature_that_the_plan_no_longer_has_refuses_the_push(tenant_hook: Sender) -> None:
    features = {"features": {"compose_deploy": False}}
    assert tenant_hook.panel.patch(f"/plans/{tenant_hook.hook['plan_id']}", features).is_success
    assert _refusal(tenant_hook) == (403, "feature_not_in_plan")


# ── Costs ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Panel]:
    """A panel that allows three deployments and six requests of an address a minute."""
    with start_panel(tmp_path, rate_limit_deploy=3, rate_limit_default=6) as panel:
        yield panel


def test_a_hook_has_its_own_limit_of_deployments(limited: Panel) -> None:
    sender = create(limited, limited.service()["id"], branch="main")
    assert [sender.push().status_code for _ in range(4)] == [202, 202, 202, 429]
    assert sender.push(ref="refs/heads/other").status_code == 202, "what deploys nothing does not count"


def test_wrong_signatures_count_against_the_address_alone(limited: Panel) -> None:
    sender = create(limited, limited.service()["id"])
    wrong = Sender(limited, {**sender.hook, "secret": "x" * 43})
    assert [wrong.push().status_code for _ in range(7)] == [401] * 6 + [429]
    assert sender.push().status_code == 429, "the same address"


def test_a_body_over_the_limit_is_refused_unread(panel: Panel) -> None:
    sender = create(panel, panel.service()["id"])
    assert sender.send(b" " * (2 * 1024 * 1024 + 1)).status_code == 413


def test_a_body_of_another_media_type_is_refused(panel: Panel) -> None:
    sender = create(panel, panel.service()["id"])
    assert sender.send(b"<xml/>", **{"Content-Type": "text/xml"}).status_code == 415


# ── The README ───────────────────────────────────────────────────────────────────────────────────────


def test_the_command_of_the_readme_deploys(panel: Panel) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (example,) = (block for block in readme.split("```sh\n")[1:] if "openssl dgst" in block.partition("```")[0])
    service = panel.service()
    sender = create(panel, service["id"])
    with serve_http(panel.app, panel.ports) as url:
        known = {"SECRET": sender.hook["secret"], "URL": f"{url}/api{sender.path}"}
        script = example.partition("```")[0]
        sent = subprocess.run(
            ["bash", "-ec", script], env=os.environ | known, capture_output=True, timeout=60, check=True
        )
    receipt = orjson.loads(sent.stdout)
    assert receipt["result"] == "deployed", sent
    assert [deployed["id"] for deployed in deployments(panel, service["id"])] == [receipt["deployment_id"]]
