"""Ports with a real store and twins of everything else, and callers whose keys are in it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.adapters import memory
from domain.identity import tokens, validity
from domain.identity.access import Caller
from domain.model.api_key import ApiKey
from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.ports import Ports
from domain.settings import Settings
from handlers.routing import operations_by_permission
from tests import fake_ports
from tests.conformance import READ_DOCUMENT

CUSTOMER_A, CUSTOMER_B = "cust_a", "cust_b"


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    """No time passes but by `ports.clock.sleep`; `ports.runtime.images` says what images do."""
    settings, needed = Settings(data_dir=tmp_path, runtime="memory"), operations_by_permission(READ_DOCUMENT)
    with fake_ports.open_ports(settings, clock=memory.Clock(), operations_by_permission=needed) as ports:
        yield ports


MakeKey = Callable[..., ApiKey]


@pytest.fixture
def make_key(ports: Ports) -> MakeKey:
    """Put a key into the store as it is given, past every rule."""

    def make(role: Role = Role.ADMIN, customer_id: str | None = None, text: str = "", **fields: Any) -> ApiKey:
        text = text or tokens.new_api_key()
        key = ApiKey(
            id=new_id("key"),
            name=f"a {role}",
            prefix=text[:12],
            digest=tokens.digest(text),
            role=role,
            created_at=ports.clock.now(),
            customer_id=customer_id,
        )
        key = replace(key, **fields)
        with ports.store.begin() as work:
            work.api_keys.add(key)
        return key

    return make


@pytest.fixture
def admin(make_key: MakeKey) -> Caller:
    return validity.caller_for(make_key(Role.ADMIN))


@pytest.fixture
def operator(make_key: MakeKey) -> Caller:
    return validity.caller_for(make_key(Role.OPERATOR))


@pytest.fixture
def viewer(make_key: MakeKey) -> Caller:
    return validity.caller_for(make_key(Role.VIEWER))


@pytest.fixture
def customer_a(make_key: MakeKey) -> Caller:
    return validity.caller_for(make_key(Role.CUSTOMER, CUSTOMER_A))


@pytest.fixture
def customer_b(make_key: MakeKey) -> Caller:
    return validity.caller_for(make_key(Role.CUSTOMER, CUSTOMER_B))
