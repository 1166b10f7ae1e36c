"""Whatever a key does, nobody comes out of it with more than that key had."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import api_keys
from domain.errors import Forbidden, Invalid, NotFound
from domain.identity import networks, validity
from domain.identity.permissions import RANK, granted
from domain.model.api_key import ApiKey
from domain.model.role import Role
from domain.ports import Ports
from handlers.routing import operations_by_permission
from tests.conformance import READ_DOCUMENT

MakeKey = Callable[..., ApiKey]
CUSTOMERS = st.sampled_from([None, "cust_a", "cust_b"])
NEEDED = sorted(operations_by_permission(READ_DOCUMENT))
DENIED = st.lists(st.sampled_from(NEEDED), unique=True, max_size=4)
NETWORKS = st.lists(st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "::1", "0.0.0.0/0"]), unique=True, max_size=2)
DAYS = st.none() | st.integers(1, 9)
RATES = st.none() | st.sampled_from([1, 60, 120, 500])
NOW = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


def day(number: int | None) -> str | None:
    return None if number is None else f"{NOW + timedelta(days=number):%Y-%m-%dT%H:%M:%SZ}"


BOUNDS: dict[str, st.SearchStrategy[Any]] = {
    "deniedPermissions": DENIED,
    "allowedIps": NETWORKS,
    "expiresAt": DAYS.map(day),
    "rateLimitRpm": RATES,
}
ROLES = st.sampled_from(Role)
WHICH = st.integers(0, 30)
CREATE = st.tuples(
    st.just("create"),
    WHICH,
    WHICH,
    st.fixed_dictionaries({"name": st.just("new"), "role": ROLES}, optional=BOUNDS | {"customerId": CUSTOMERS}),
)
UPDATE = st.tuples(st.just("update"), WHICH, WHICH, st.fixed_dictionaries({}, optional=BOUNDS | {"role": ROLES}))
ROTATE = st.tuples(st.just("rotate"), WHICH, WHICH, st.fixed_dictionaries({}, optional={"overlapSeconds": st.just(60)}))
MAKERS = st.builds(
    dict,
    role=st.sampled_from([Role.ADMIN, Role.CUSTOMER]),
    customer_id=CUSTOMERS,
    denied_permissions=DENIED.map(lambda names: tuple(name for name in names if name != "api_keys.write")),
    allowed_ips=NETWORKS.map(tuple),
    expires_at=DAYS.map(lambda number: number and NOW + timedelta(days=number)),
    rate_limit_rpm=RATES,
)


def act(ports: Ports, step: tuple[str, int, int, dict[str, Any]], held: list[str], known: list[str]) -> None:
    """Let a key that is held do something to a key that is known; whatever gives a secret adds to what is held."""
    what, actor, target, body = step
    caller = validity.caller_for(row(ports, held[actor % len(held)]))
    aim = known[target % len(known)]
    try:
        if what == "create":
            made, _ = api_keys.create_api_key(ports, caller, body)
            held.append(made.id)
            known.append(made.id)
        elif what == "update":
            api_keys.update_api_key(ports, caller, aim, body)
        else:
            api_keys.rotate_api_key(ports, caller, aim, body)
            held.append(aim)
    except (Forbidden, Invalid, NotFound):
        return


def row(ports: Ports, key_id: str) -> ApiKey:
    with ports.store.read() as work:
        found = work.api_keys.get(key_id)
    assert found is not None
    return found


def assert_no_more(key: ApiKey, maker: ApiKey) -> None:
    """The bounds in other words than the rule's own."""
    assert set(validity.caller_for(key).permissions) <= set(validity.caller_for(maker).permissions)
    assert RANK[key.role] <= RANK[maker.role]
    assert maker.customer_id in (None, key.customer_id)
    assert maker.expires_at is None or (key.expires_at or datetime.max.replace(tzinfo=NOW.tzinfo)) <= maker.expires_at
    for address in ("10.1.2.3", "10.2.3.4", "192.0.2.1", "::1", "::2"):
        assert networks.allows(maker.allowed_ips, address) or not networks.allows(key.allowed_ips, address)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=MAKERS, others=st.lists(MAKERS, max_size=3), steps=st.lists(CREATE | UPDATE | ROTATE, max_size=12))
def test_no_sequence_of_requests_yields_more_than_the_first_key_had(
    ports: Ports,
    make_key: MakeKey,
    first: dict[str, Any],
    others: list[dict[str, Any]],
    steps: list[tuple[str, int, int, dict[str, Any]]],
):
    maker = make_key(**first)
    bystanders = [make_key(), make_key(Role.VIEWER), make_key(Role.OPERATOR)] + [make_key(**other) for other in others]
    held, known = [maker.id], [maker.id, *(key.id for key in bystanders)]
    for step in steps:
        act(ports, step, held, known)
    for key_id in held:
        assert_no_more(row(ports, key_id), maker)
    for before in bystanders:
        gained = granted(row(ports, before.id).grant) - granted(before.grant)
        assert gained <= granted(maker.grant)
