"""Test data of the tag `custom_domains`."""

from itertools import count

from domain.adapters import memory
from tests.certificate_texts import issue
from tests.operation_data import Body, OperationData, PathParameter, Resources

_NUMBERS = count(1)


def create_domain(resources: Resources) -> str:
    """Attach a domain to the owner's service and return its ID."""
    body = {"host": f"shop{next(_NUMBERS)}.example.net", "service_id": resources.id("service_id")}
    return str(resources.panel.post("/domains", body).json()["id"])


def publish_record(resources: Resources) -> None:
    """Publish the record that proves the domain."""
    record = resources.panel.get(f"/domains/{resources.id('domain_id')}").json()["verification"]["record"]
    dns = resources.panel.ports.dns
    assert isinstance(dns, memory.Dns)
    dns.txt[record["name"]] = [record["value"]]


def with_free_host(resources: Resources, example: Body) -> Body:
    """Return the example with a host that no service has, and a service that exists."""
    host = f"{next(_NUMBERS)}.{example['host']}"
    return {**example, "host": host, "service_id": resources.id("service_id")}


def issue_certificate(resources: Resources, _example: Body) -> Body:
    """Return a certificate for the domains that tests attach. The one in the document is for another host."""
    return issue("*.example.net", "*.shop.example.com").body


PATH_PARAMETERS = {"domain_id": PathParameter(create_domain, "dom_01aaaaaaaaaaaaaaaaaaaaaaaa")}
OPERATIONS = {
    "create_domain": OperationData(
        body_with=with_free_host,
        body_of_panel=True,
        other_body={"host": "other.example.net", "service_id": "svc_01aaaaaaaaaaaaaaaaaaaaaaaa"},
        creates="domain_id",
        statuses=("404", "422"),
    ),
    "update_domain": OperationData(statuses=("422",)),
    "upload_certificate": OperationData(body_with=issue_certificate, statuses=("422",)),
    "verify_domain": OperationData(prepare=publish_record),
}
