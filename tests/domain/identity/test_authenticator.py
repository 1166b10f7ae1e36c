"""Keys as text, who is let in with one, and who still is when it is looked at again."""

import hmac
import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.adapters.sql.repository import Repository
from domain.errors import Unauthenticated, Unavailable
from domain.identity import tokens, validity
from domain.identity import tokens as texts
from domain.identity.access import Caller, Credential
from domain.identity.authenticator import Authenticator
from domain.identity.permissions import role_permissions
from domain.model.api_key import ApiKey
from domain.model.grant import Grant
from domain.model.principal import PrincipalKind
from domain.model.role import Role
from domain.ports import Ports

MakeKey = Callable[..., ApiKey]
HERE = "192.0.2.7"
HOUR = timedelta(hours=1)


def enter(ports: Ports, text: str, address: str = HERE) -> Caller:
    return Authenticator(ports).by_api_key(text, address, "req-1")


def refused(ports: Ports, text: str, address: str = HERE) -> tuple[str, str, str | None]:
    with pytest.raises(Unauthenticated) as raised:
        enter(ports, text, address)
    return raised.value.code, raised.value.message, raised.value.details


# ── Text ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_starts_with_its_kind_and_prefix():
    text = tokens.new_api_key()
    mark, lookup, secret = text.split("_")
    assert (mark, len(lookup), len(secret)) == ("aap", 8, 36)
    assert tokens.prefix_of(text) == f"aap_{lookup}"


def test_no_two_keys_are_alike():
    assert len({tokens.new_api_key() for _ in range(1000)}) == 1000


def test_a_secret_has_at_least_160_bits():
    assert 62**texts._SECRET > 2**160


def test_a_new_secret_keeps_the_prefix():
    old = tokens.new_api_key()
    new = tokens.new_api_key(tokens.prefix_of(old))
    assert tokens.prefix_of(new) == tokens.prefix_of(old)
    assert new != old


@given(place=st.integers(0, 48), character=st.sampled_from(string.ascii_letters + string.digits + "_- "))
def test_one_wrong_character_anywhere_is_detected(place: int, character: str):
    text = tokens.new_api_key()
    mistyped = text[:place] + character + text[place + 1 :]
    assert (tokens.prefix_of(mistyped) is None) == (mistyped != text)


@given(place=st.integers(0, 47))
def test_two_swapped_characters_are_detected(place: int):
    text = tokens.new_api_key()
    mistyped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert (tokens.prefix_of(mistyped) is None) == (mistyped != text)


@given(st.text())
def test_other_text_is_not_a_key(text: str):
    assert tokens.prefix_of(text) is None


# ── Who is let in ────────────────────────────────────────────────────────────────────────────────


def test_the_caller_of_a_key_has_the_fields_of_the_key(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key = make_key(Role.CUSTOMER, "cust_a", text, denied_permissions=("env.reveal",), rate_limit_rpm=7)
    assert enter(ports, text) == Caller(
        id=key.id,
        name=key.name,
        grant=Grant(Role.CUSTOMER, "cust_a", denied_permissions=("env.reveal",), rate_limit_rpm=7),
        created_at=key.created_at,
        address=HERE,
        request_id="req-1",
        credential=Credential(PrincipalKind.API_KEY, key.id, key.digest),
    )


def test_a_caller_does_not_contain_the_secret(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key = make_key(text=text)
    told = repr(enter(ports, text))
    assert key.digest not in told
    assert text[-36:] not in told


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text.swapcase(),
        lambda text: f" {text}",
        lambda text: f"{text}\n",
        lambda text: f"{text},{text}",
        lambda text: text.replace("aap", "sk"),
        lambda text: text.replace("_", "-"),
        lambda text: text.replace(text[5], "\N{FULLWIDTH DIGIT ONE}"),
        lambda _: "",
        lambda _: "\ud800",
        lambda _: "a" * 1_000_000,
    ],
)
def test_malformed_keys_are_refused_without_a_database_query(
    ports: Ports, make_key: MakeKey, spoil: Callable[[str], str]
):
    text = tokens.new_api_key()
    make_key(text=text)
    unasked = replace(ports, store=None)  # type: ignore[arg-type]
    refused(unasked, spoil(text))


def test_every_refusal_reads_the_same(ports: Ports, make_key: MakeKey):
    now = ports.clock.now()
    known, expired, elsewhere, rotated, old = (tokens.new_api_key() for _ in range(5))
    make_key(text=known)
    make_key(text=expired, expires_at=now - HOUR)
    make_key(text=elsewhere, allowed_ips=("198.51.100.0/24",))
    make_key(text=rotated, previous_digest=tokens.digest(old), previous_until=now - HOUR)
    wrong = tokens.new_api_key(tokens.prefix_of(known))
    texts = ["", "nonsense", known[:-1], tokens.new_api_key(), wrong, expired, elsewhere, old]
    assert len({refused(ports, text) for text in texts}) == 1


def test_a_refusal_does_not_repeat_the_key(ports: Ports):
    text = tokens.new_api_key()
    assert not any(part in str(refused(ports, text)) for part in text.split("_")[1:])


def test_a_key_ends_at_the_moment_of_its_expiry(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    make_key(text=text, expires_at=ports.clock.now() + HOUR)
    ports.clock.sleep(3599.999)
    enter(ports, text)
    ports.clock.sleep(0.001)
    refused(ports, text)


def test_a_previous_secret_works_until_its_overlap_ends(ports: Ports, make_key: MakeKey):
    old = tokens.new_api_key()
    new = tokens.new_api_key(tokens.prefix_of(old))
    digest = tokens.digest(old)
    make_key(text=new, previous_digest=digest, previous_until=ports.clock.now() + HOUR)
    ports.clock.sleep(3599.999)
    assert enter(ports, old).id == enter(ports, new).id
    ports.clock.sleep(0.001)
    refused(ports, old)
    enter(ports, new)


def test_an_overlap_accepts_no_third_secret(ports: Ports, make_key: MakeKey):
    old = tokens.new_api_key()
    new, other = (tokens.new_api_key(tokens.prefix_of(old)) for _ in range(2))
    make_key(text=new, previous_digest=tokens.digest(old), previous_until=ports.clock.now() + HOUR)
    refused(ports, other)


@pytest.mark.parametrize("address", [HERE, f"::ffff:{HERE}", "2001:db8::1", "2001:db8::1%eth0"])
def test_an_allowed_address_is_accepted_in_every_notation(ports: Ports, make_key: MakeKey, address: str):
    text = tokens.new_api_key()
    make_key(text=text, allowed_ips=("192.0.2.0/24", "2001:db8::1"))
    enter(ports, text, address)


@pytest.mark.parametrize("address", ["192.0.3.7", "::ffff:192.0.3.7", "2001:db8::2", "", "localhost", "192.0.2.7:80"])
def test_every_other_address_is_refused(ports: Ports, make_key: MakeKey, address: str):
    text = tokens.new_api_key()
    make_key(text=text, allowed_ips=("192.0.2.0/24", "2001:db8::1"))
    refused(ports, text, address)


def test_an_unknown_prefix_costs_the_same_comparisons(ports: Ports, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch):
    known = tokens.new_api_key()
    make_key(text=known)
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def counting(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    refused(ports, tokens.new_api_key())
    refused(ports, tokens.new_api_key(tokens.prefix_of(known)))
    enter(ports, known)
    assert compared == [(64, 64)] * 6


def test_a_revoked_key_is_refused(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key = make_key(text=text)
    authenticator = Authenticator(ports)
    authenticator.by_api_key(text, HERE, "")
    with ports.store.begin() as work:
        work.api_keys.remove(key.id)
    with pytest.raises(Unauthenticated):
        authenticator.by_api_key(text, HERE, "")


def test_the_database_holds_no_secret(ports: Ports, make_key: MakeKey, tmp_path: Path):
    text = tokens.new_api_key()
    make_key(text=text)
    files = b"".join(file.read_bytes() for file in tmp_path.glob("panel.db*"))
    assert tokens.digest(text).encode() in files
    assert text[-36:].encode() not in files


# ── Use ──────────────────────────────────────────────────────────────────────────────────────────


def stored(ports: Ports, key: ApiKey) -> ApiKey:
    with ports.store.read() as work:
        found = work.api_keys.get(key.id)
    assert found is not None
    return found


def test_uses_are_stored_together(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key, authenticator = make_key(text=text), Authenticator(ports)
    authenticator.by_api_key(text, "192.0.2.1", "")
    ports.clock.sleep(5)
    authenticator.by_api_key(text, "192.0.2.2", "")
    assert stored(ports, key).request_count == 0
    authenticator.flush()
    assert stored(ports, key) == replace(
        key, request_count=2, last_used_at=ports.clock.now(), last_used_ip="192.0.2.2", revision=key.revision
    )


def test_a_use_is_counted_once(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key, authenticator = make_key(text=text), Authenticator(ports)
    authenticator.by_api_key(text, HERE, "")
    authenticator.flush()
    authenticator.flush()
    assert stored(ports, key).request_count == 1


def test_a_refused_use_is_not_counted(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key, authenticator = make_key(text=text, allowed_ips=("198.51.100.1",)), Authenticator(ports)
    with pytest.raises(Unauthenticated):
        authenticator.by_api_key(text, HERE, "")
    authenticator.flush()
    assert stored(ports, key).last_used_at is None


def test_parallel_uses_are_all_counted(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key, authenticator = make_key(text=text), Authenticator(ports)

    def use(number: int) -> None:
        authenticator.by_api_key(text, HERE, "")
        if number % 10 == 0:
            authenticator.flush()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(200)))
    authenticator.flush()
    assert stored(ports, key).request_count == 200


class Away:
    """A store that lets nobody write."""

    def begin(self) -> None:
        raise Unavailable("The database does not answer")


def test_uses_are_kept_while_the_database_is_unavailable(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key, authenticator = make_key(text=text), Authenticator(ports)
    authenticator.by_api_key(text, HERE, "")
    authenticator._ports = replace(ports, store=Away())  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        authenticator.flush()
    authenticator._ports = ports
    authenticator.by_api_key(text, HERE, "")
    authenticator.flush()
    assert stored(ports, key).request_count == 2


def test_uses_of_a_deleted_key_are_dropped(ports: Ports, make_key: MakeKey):
    gone, left = tokens.new_api_key(), tokens.new_api_key()
    key, other, authenticator = make_key(text=gone), make_key(text=left), Authenticator(ports)
    authenticator.by_api_key(gone, HERE, "")
    authenticator.by_api_key(left, HERE, "")
    with ports.store.begin() as work:
        work.api_keys.remove(key.id)
    authenticator.flush()
    assert stored(ports, other).request_count == 1


# ── Another look ─────────────────────────────────────────────────────────────────────────────────


def changed(ports: Ports, key: ApiKey, **fields: object) -> None:
    with ports.store.begin() as work:
        row = work.api_keys.get(key.id)
        assert row is not None
        work.api_keys.save(replace(row, **fields))


def lost(ports: Ports, known: Caller) -> bool:
    authenticator = Authenticator(ports)
    (found,) = authenticator.revalidate_many([known])
    if found is not None:
        assert authenticator.revalidate(known) == found
        return False
    with pytest.raises(Unauthenticated) as raised:
        authenticator.revalidate(known)
    assert raised.value.message == validity.invalid_credential().message
    return True


def test_revalidation_returns_the_same_caller(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    make_key(Role.CUSTOMER, "cust_a", text)
    known = enter(ports, text)
    assert Authenticator(ports).revalidate(known) == known


def test_revalidation_returns_the_current_permissions(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key = make_key(text=text)
    known = enter(ports, text)
    changed(ports, key, role=Role.VIEWER, denied_permissions=("logs.read",))
    assert Authenticator(ports).revalidate(known).permissions == role_permissions(Role.VIEWER) - {"logs.read"}


def test_revalidation_records_no_use(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key, authenticator = make_key(text=text), Authenticator(ports)
    known = authenticator.by_api_key(text, HERE, "")
    authenticator.revalidate(known)
    authenticator.revalidate_many([known] * 5)
    authenticator.flush()
    assert stored(ports, key).request_count == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"digest": "another"},
        {"allowed_ips": ("198.51.100.0/24",)},
    ],
)
def test_revalidation_refuses_a_key_that_is_no_longer_valid(ports: Ports, make_key: MakeKey, fields: dict[str, object]):
    text = tokens.new_api_key()
    key = make_key(text=text)
    known = enter(ports, text)
    assert not lost(ports, known)
    changed(ports, key, **fields)
    assert lost(ports, known)


def test_revalidation_refuses_a_deleted_key(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key = make_key(text=text)
    known = enter(ports, text)
    with ports.store.begin() as work:
        work.api_keys.remove(key.id)
    assert lost(ports, known)


def test_revalidation_accepts_a_previous_secret_until_its_overlap_ends(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    key = make_key(text=text)
    known = enter(ports, text)
    changed(ports, key, digest="another", previous_digest=key.digest, previous_until=ports.clock.now() + HOUR)
    ports.clock.sleep(3599.999)
    assert not lost(ports, known)
    ports.clock.sleep(0.001)
    assert lost(ports, known)


def test_revalidation_refuses_a_caller_without_credentials(ports: Ports, admin: Caller):
    assert lost(ports, replace(admin, credential=None))


def test_revalidate_many_returns_results_in_order(ports: Ports, make_key: MakeKey):
    texts = [tokens.new_api_key() for _ in range(3)]
    one, gone, two = (enter(ports, text) for text in texts if make_key(text=text, allowed_ips=(HERE,)))
    with ports.store.begin() as work:
        work.api_keys.remove(gone.id)
    elsewhere = replace(one, address="198.51.100.1")
    known = [two, one, gone, replace(one, request_id="other"), elsewhere]
    assert Authenticator(ports).revalidate_many(known) == [two, one, None, replace(one, request_id="other"), None]


def test_revalidate_many_of_no_callers_is_empty(ports: Ports):
    assert Authenticator(ports).revalidate_many([]) == []


def test_two_thousand_callers_are_revalidated_with_one_query_a_table(
    ports: Ports, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
):
    texts = [tokens.new_api_key() for _ in range(20)]
    known = [enter(ports, text) for text in texts if make_key(text=text)] * 100
    asked: list[int] = []
    several = Repository.get_many
    monkeypatch.setattr(Repository, "get_many", lambda self, ids: (asked.append(len(ids)), several(self, ids))[1])
    assert Authenticator(ports).revalidate_many(known) == known
    assert asked == [20, 0, 0]  # the principals of both kinds, and the sessions; nothing is asked for none
