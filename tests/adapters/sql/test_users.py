"""Users and their sessions and tickets in the database."""

from contextlib import closing
from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from domain.adapters.sql.engines import connect
from domain.adapters.sql.store import open_store
from domain.errors import Conflict
from domain.model.principal import PrincipalKind
from domain.model.role import Role
from domain.model.user import User
from domain.ports.repository import Query
from domain.ports.store import Store
from domain.ports.vault import Vault
from tests.adapters.sql.entities import NOW, after, api_key, session, ticket


def _user(number: int = 1, **fields: object) -> User:
    user = User(f"usr_{number}", "Ann", "ann@example.com", f"sub-{number}", Role.OPERATOR, NOW)
    return replace(user, **fields)


def _add(store: Store, *users: User) -> None:
    with store.begin() as work:
        for user in users:
            work.users.add(user)


def test_a_user_is_found_by_its_subject_as_it_was_stored(store: Store):
    user = _user(
        allowed_ips=("10.0.0.0/8",), denied_permissions=("env.read",), expires_at=after(hours=1), enabled=False
    )
    _add(store, user, _user(2))
    with store.read() as work:
        assert work.users.by_subject("sub-1") == work.users.get("usr_1") == user
        assert work.users.by_subject("SUB-1") is None
        assert [found.id for found in work.users.page(Query({"enabled": True})).items] == ["usr_2"]


def test_a_subject_belongs_to_one_user(store: Store):
    _add(store, _user())
    with pytest.raises(Conflict, match="subject"):
        _add(store, _user(2, subject="sub-1"))


def test_recording_a_use_of_a_user_changes_nothing_else(store: Store):
    _add(store, _user(), _user(2))
    with store.begin() as work:
        work.users.record_use("usr_1", after(hours=1), "192.0.2.1")
    with store.read() as work:
        assert work.users.get("usr_1") == _user(last_seen_at=after(hours=1), last_seen_ip="192.0.2.1")
        assert work.users.get("usr_2") == _user(2)


def test_sessions_and_tickets_are_removed_with_their_user(store: Store):
    kept = {"api_key_digest": None, "user_id": "usr_1"}
    first, second = session(None, **kept), session(None, **kept)
    _add(store, _user(), _user(2))
    with store.begin() as work:
        work.sessions.add(first)
        work.sessions.add(second)
        work.sessions.add(session(None, **kept | {"user_id": "usr_2"}))
        work.tickets.add(ticket(None, "d", session_id=first.id, **kept))
        work.sessions.remove_of(PrincipalKind.USER, "usr_1", except_id=first.id)
    with store.begin() as work:
        assert [found.id for found in work.sessions.page(Query({"user_id": "usr_1"})).items] == [first.id]
        work.users.remove("usr_1")
        assert work.sessions.page(Query({"user_id": "usr_1"})).total == 0
        assert work.sessions.page(Query({"user_id": "usr_2"})).total == 1
        assert work.tickets.take("d") is None


@pytest.mark.parametrize("both", [True, False])
def test_a_session_belongs_to_one_principal(store: Store, both: bool):
    key = api_key()
    _add(store, _user())
    with store.begin() as work:
        work.api_keys.add(key)
    with pytest.raises(Conflict), store.begin() as work:
        work.sessions.add(session(key.id if both else None, user_id="usr_1" if both else None))


def test_a_list_leaves_expired_sessions_out(store: Store):
    key = api_key()
    young, old = session(key.id, expires_at=after(seconds=1)), session(key.id, expires_at=NOW)
    with store.begin() as work:
        work.api_keys.add(key)
        work.sessions.add(young)
        work.sessions.add(old)
    with store.read() as work:
        page = work.sessions.page(Query({"api_key_id": key.id, "api_key_digest": ("d", "e")}, unexpired_at=NOW))
        assert (page.items, page.total) == ([young], 1)
        assert work.sessions.page(Query({"api_key_id": key.id, "api_key_digest": ()})).total == 0


def test_sessions_and_tickets_of_the_previous_release_stay_valid(url: str, vault: Vault):
    engines = connect(url)
    with engines.write.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "domain.adapters.sql:migrations")
        command.upgrade(config, "0005")
        for statement in _ROWS:
            connection.execute(text(statement))
    engines.close()
    with closing(open_store(url, vault)) as store, store.begin() as work:
        found = work.sessions.get("ses_1")
        assert found is not None
        assert (found.digest, found.api_key_id, found.api_key_digest, found.user_id) == ("cookie", "key_1", "d", None)
        assert (found.device, found.ip, found.revision) == ("Firefox", "192.0.2.7", 3)
        taken = work.tickets.take("ticket")
        assert taken is not None
        assert (taken.api_key_id, taken.session_id, taken.topics) == ("key_1", "ses_1", ("service:svc_1",))
        work.api_keys.remove("key_1")
        assert work.sessions.get("ses_1") is None


_ROWS = (
    "INSERT INTO api_keys (id, name, prefix, digest, role, created_at, denied_permissions, allowed_ips, request_count,"
    " revision) VALUES ('key_1', 'ci', 'aap_abcdefgh', 'd', 'admin', '2026-11-23 12:00:00', '[]', '[]', 0, 1)",
    "INSERT INTO sessions (id, digest, api_key_id, api_key_digest, created_at, last_seen_at, expires_at, device, ip,"
    " revision) VALUES ('ses_1', 'cookie', 'key_1', 'd', '2026-11-23 12:00:00', '2026-11-23 12:00:00',"
    " '2026-11-24 00:00:00', 'Firefox', '192.0.2.7', 3)",
    "INSERT INTO tickets (digest, api_key_id, api_key_digest, expires_at, session_id, topics)"
    """ VALUES ('ticket', 'key_1', 'd', '2026-11-23 12:00:30', 'ses_1', '["service:svc_1"]')""",
)
"""A key, a session and a ticket as the release with migration 0005 stores them."""
