"""Custom domains: host names of services, and what is known about them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.hidden import HIDDEN


class DomainStatus(StrEnum):
    """`pending` waits for a proof of ownership, `verified` for its route, `active` gets requests."""

    PENDING = "pending"
    VERIFIED = "verified"
    ACTIVE = "active"


class DnsStatus(StrEnum):
    """Where the addresses of a host lead; `unknown` if name servers do not answer or nothing is expected."""

    UNKNOWN = "unknown"
    MISSING = "missing"
    ELSEWHERE = "elsewhere"
    OK = "ok"


@dataclass(frozen=True)
class DnsState:
    """The addresses of a host, and those of the panel's public host, at `checked_at`."""

    status: DnsStatus = DnsStatus.UNKNOWN
    addresses: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    checked_at: datetime | None = None


@dataclass(frozen=True)
class Certificate:
    """What a certificate says: its issuer, the names that it covers, and when it is valid."""

    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


@dataclass
class CustomDomain:
    """A host, or the part of it below a path, that leads to a service.

    `host` is in Punycode and may be a wildcard (see `host_name`). `token` proves ownership when it is found in the DNS
    or on the host. `routing_error` says why the reverse proxy does not take the route. `certificate_key` is encrypted;
    without a chain of its own, the host has an automatic certificate.
    """

    id: str
    host: str
    path: str
    service_id: str
    token: str
    created_at: datetime
    updated_at: datetime
    customer_id: str | None = None
    redirect_to: str | None = None
    force_https: bool = True
    status: DomainStatus = DomainStatus.PENDING
    verified_at: datetime | None = None
    verification_error: str | None = None
    dns: DnsState = field(default_factory=DnsState)
    routing_error: str | None = None
    certificate: Certificate | None = None
    certificate_chain: str | None = field(default=None, metadata=HIDDEN)
    certificate_key: str | None = field(default=None, metadata=HIDDEN)
    revision: int = 1
