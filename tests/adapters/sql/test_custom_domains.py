"""Custom domains in both databases: stored in full, one owner for each host, and removed with their service."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from domain import errors
from domain.model.custom_domain import Certificate, CustomDomain, DnsState, DnsStatus, DomainStatus
from domain.ports.store import Store
from tests.adapters.sql.entities import NOW, after, service

_NUMBERS = count(1)
HOST = "shop.example.com"


def _domain(store: Store, host: str = HOST, customer_id: str | None = None, **fields: Any) -> CustomDomain:
    """Store a domain of a new service."""
    owner = service(customer_id=customer_id, name=f"web-{next(_NUMBERS)}")
    domain = CustomDomain(
        id=f"dom_{next(_NUMBERS):03}",
        host=host,
        service_id=owner.id,
        customer_id=customer_id,
        token="token",
        created_at=NOW,
        updated_at=NOW,
        **{"path": "/", **fields},
    )
    with store.begin() as work:
        work.services.add(owner)
        work.custom_domains.add(domain)
    return domain


def _prove(store: Store, domain: CustomDomain) -> None:
    with store.begin() as work:
        if work.custom_domains.holder(domain.host, domain.customer_id):
            raise errors.Conflict("taken")
        read = work.custom_domains.get(domain.id)
        assert read
        work.custom_domains.save(replace(read, status=DomainStatus.VERIFIED, verified_at=NOW))


def test_a_domain_is_read_as_it_was_stored(store: Store) -> None:
    domain = _domain(
        store,
        redirect_to="www.example.com",
        force_https=False,
        status=DomainStatus.ACTIVE,
        verified_at=NOW,
        dns=DnsState(DnsStatus.ELSEWHERE, ("192.0.2.1",), ("192.0.2.2", "2001:db8::2"), NOW),
        certificate=Certificate("CN=näß", (HOST,), NOW, after(days=1)),
        certificate_chain="chain",
        certificate_key="sealed",
    )
    with store.read() as work:
        assert work.custom_domains.get(domain.id) == domain
        assert work.custom_domains.of_service(domain.service_id) == work.custom_domains.verified() == [domain]


@pytest.mark.parametrize(
    ("host", "other"),
    [(HOST, HOST), (HOST, "*.example.com"), ("*.example.com", HOST), ("*.example.com", "*.example.com")],
)
def test_a_proved_host_has_one_customer(store: Store, host: str, other: str) -> None:
    first, second = _domain(store, host, "cust_a"), _domain(store, other, "cust_b")
    _prove(store, first)
    with store.read() as work:
        held = work.custom_domains.holder(other, "cust_b")
        assert held
        assert held.id == first.id
        assert work.custom_domains.holder(other, "cust_a") is None
    with pytest.raises(errors.Conflict):
        _prove(store, second)


def test_hosts_that_share_no_request_are_free(store: Store) -> None:
    _prove(store, _domain(store, "*.example.com", "cust_a"))
    with store.read() as work:
        for host in ("example.com", "a.b.example.com", "*.b.example.com", "shop.example.org", "myexample.com"):
            assert work.custom_domains.holder(host, None) is None, host


@pytest.mark.parametrize("other", [HOST, "*.example.com"])
def test_of_blocks_that_prove_overlapping_hosts_at_once_one_does(store: Store, other: str) -> None:
    domains = [_domain(store, HOST, "cust_a"), _domain(store, other, "cust_b", path="/api")]

    def is_proved(domain: CustomDomain) -> bool:
        try:
            _prove(store, domain)
        except errors.Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(is_proved, domains)) == [False, True]


def test_a_customer_has_a_host_and_a_path_once(store: Store) -> None:
    _domain(store)
    _domain(store, path="/api")
    with pytest.raises(errors.Conflict, match="already"):
        _domain(store)


def test_a_service_takes_its_domains_along(store: Store) -> None:
    domain = _domain(store)
    with store.begin() as work:
        work.services.remove(domain.service_id)
    with store.read() as work:
        assert work.custom_domains.get(domain.id) is None
