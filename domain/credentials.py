"""API keys as text: how they are made, what is kept of them, and who is calling with one.

A key is `aap_XXXXXXXX_` (what it is looked up by), a secret of more than 170 bits, and a checksum over all of that.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock

from domain import networks
from domain.access import PERMISSIONS, Caller
from domain.errors import Refusal, Unauthenticated
from domain.model import ApiKey, Role
from domain.ports import Ports

_BASE62 = string.digits + string.ascii_letters
_LOOKUP, _SECRET, _CHECKSUM = 8, 30, 6
_FORM = re.compile(f"(aap_[0-9A-Za-z]{{{_LOOKUP}}})_[0-9A-Za-z]{{{_SECRET + _CHECKSUM}}}")


def new_text(prefix: str | None = None) -> str:
    """A whole key, to be shown once; with the prefix of another when that one gets a new secret."""
    stem = f"{prefix or f'aap_{_random(_LOOKUP)}'}_{_random(_SECRET)}"
    return stem + _checksum(stem)


def prefix_of(text: str) -> str | None:
    """What to look a key up by; None for what was never a key: cut short, mistyped, or something else."""
    found = _FORM.fullmatch(text)
    if found is None or _checksum(text[:-_CHECKSUM]) != text[-_CHECKSUM:]:
        return None
    return found[1]


def digest(text: str) -> str:
    """All that is kept of a key. A quick hash is enough: no list of likely secrets holds one of 170 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()


def permissions(key: ApiKey) -> frozenset[str]:
    """What a key may do: its role's permissions but for the denied ones."""
    return PERMISSIONS[key.role] - frozenset(key.denied_permissions)


def expired(key: ApiKey, now: datetime) -> bool:
    """From the very moment of its expiry on."""
    return key.expires_at is not None and key.expires_at <= now


def caller(key: ApiKey, address: str = "", request_id: str = "") -> Caller:
    """Who a key makes its bearer."""
    return Caller(
        id=key.id,
        name=key.name,
        role=key.role,
        permissions=permissions(key),
        created_at=key.created_at,
        customer_id=key.customer_id,
        rate_limit_rpm=key.rate_limit_rpm,
        address=address,
        request_id=request_id,
    )


def unknown() -> Unauthenticated:
    """The same words whatever was wrong, so that nobody learns which keys exist."""
    return Unauthenticated("A valid API key is needed", details="Send it as: Authorization: Bearer aap_…")


@dataclass(frozen=True)
class _Use:
    at: datetime
    address: str
    requests: int = 1


class Desk:
    """Where keys are shown. Uses are noted in memory until `flush`, so that a request needs no write."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._lock = Lock()
        self._uses: dict[str, _Use] = {}

    def authenticate(self, text: str, address: str, request_id: str) -> Caller:
        """Who is calling from this address with this key; raises Unauthenticated."""
        known = self.recognise(text, address, request_id)
        self._note({known.id: _Use(self._ports.clock.now(), address)})
        return known

    def recognise(self, text: str, address: str, request_id: str) -> Caller:
        """As `authenticate`, for another look during one and the same request: it counts as no use."""
        prefix = prefix_of(text)
        if prefix is None:
            raise unknown()
        with self._ports.store.read() as work:
            key = work.api_keys.by_prefix(prefix) or _NOBODY
        now = self._ports.clock.now()
        if not _matches(key, digest(text), now) or expired(key, now) or not networks.admits(key.allowed_ips, address):
            raise unknown()
        return caller(key, address, request_id)

    def flush(self) -> None:
        """Write down the uses since the last time; they are kept for the next when the database is away."""
        with self._lock:
            uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            with self._ports.store.begin() as work:
                for key_id, use in sorted(uses.items()):  # always in this order: two processes then never deadlock
                    work.api_keys.used(key_id, use.at, use.address, use.requests)
        except Refusal:
            self._note(uses)
            raise

    def _note(self, uses: Mapping[str, _Use]) -> None:
        with self._lock:
            for key_id, use in uses.items():
                known = self._uses.get(key_id)
                self._uses[key_id] = _added(known, use) if known else use


def _added(one: _Use, other: _Use) -> _Use:
    return replace(max(one, other, key=lambda use: use.at), requests=one.requests + other.requests)


# No text has this digest: an unknown prefix is compared like a known one, and never matches.
_NOBODY = ApiKey("", "", "", "0" * 64, Role.VIEWER, datetime.min.replace(tzinfo=UTC))


def _matches(key: ApiKey, given: str, now: datetime) -> bool:
    """Both comparisons are always made, so that the time tells nothing about an overlap."""
    current = hmac.compare_digest(given, key.digest)
    previous = hmac.compare_digest(given, key.previous_digest or _NOBODY.digest)
    return current or (previous and key.previous_until is not None and now < key.previous_until)


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))


def _checksum(stem: str) -> str:
    rest, digits = zlib.crc32(stem.encode()), ""
    for _ in range(_CHECKSUM):
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit] + digits
    return digits
