"""The health of the panel."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain import system
from domain.adapters.memory import IdentityProvider, Runtime
from domain.errors import Unavailable
from domain.identity.access import Caller
from domain.ports import Ports


class UnavailableStore:
    """A database that does not respond."""

    def ping(self) -> None:
        raise Unavailable("The database\n  does not answer")


@pytest.fixture
def broken(ports: Ports) -> Ports:
    runtime = Runtime()
    runtime.away = True
    return replace(ports, runtime=runtime, store=UnavailableStore())  # type: ignore[arg-type]


def test_get_health_is_ok_if_all_parts_are_available(ports: Ports):
    assert system.get_health(ports, None, "ready") == system.Health("ok", system.version())


def test_live_is_ok_if_all_parts_are_unavailable(broken: Ports):
    assert system.get_health(broken, None, "live").status == "ok"


@pytest.mark.parametrize("part", ["store", "runtime"])
def test_the_panel_is_not_ready_without_the_database_or_the_engine(ports: Ports, broken: Ports, part: str):
    half = replace(ports, **{part: getattr(broken, part)})
    assert system.get_health(half, None, "ready").status == "unavailable"


def test_an_admin_sees_each_part(ports: Ports, admin: Caller):
    assert system.get_health(ports, admin, "live").checks == {
        "database": system.Check("ok", "SQLite answers"),
        "engine": system.Check("ok", "memory 1"),
        "identity_provider": system.Check(
            "ok", "The identity provider in memory answers as https://login.example/realms/main"
        ),
    }


def test_an_admin_sees_an_unavailable_part_of_a_live_panel(broken: Ports, admin: Caller):
    health = system.get_health(broken, admin, "live")
    assert health.status == "ok"
    assert health.checks
    assert {name for name, check in health.checks.items() if check.status == "unavailable"} == {"database", "engine"}


def test_the_detail_of_an_unavailable_part_is_one_line_with_the_next_step(broken: Ports, admin: Caller):
    checks = system.get_health(broken, admin, "ready").checks or {}
    assert checks["engine"].detail == "The in-memory engine is away"
    assert str(broken.settings.data_dir) in checks["database"].detail
    assert checks["database"].detail.startswith("The database does not answer. ")


def test_the_address_of_a_database_server_is_named_and_never_shown(broken: Ports, admin: Caller):
    settings = replace(broken.settings, database_url="postgresql://panel:hunter2@db/panel")
    detail = (system.get_health(replace(broken, settings=settings), admin, "ready").checks or {})["database"].detail
    assert "PANEL_DATABASE_URL" in detail
    assert "hunter2" not in detail


def other_callers(viewer: Caller, operator: Caller, customer_a: Caller, admin: Caller) -> Iterator[Caller | None]:
    yield from (None, viewer, operator, customer_a, replace(admin, grant=replace(admin.grant, customer_id="cust_a")))


def test_only_admins_without_a_customer_see_the_parts(
    ports: Ports, viewer: Caller, operator: Caller, customer_a: Caller, admin: Caller
):
    for caller in other_callers(viewer, operator, customer_a, admin):
        for probe in ("live", "ready"):
            assert system.get_health(ports, caller, probe).checks is None  # type: ignore[arg-type]


def test_a_panel_that_is_not_installed_has_version_0():
    assert system.version("a-distribution-that-nobody-installed") == "0"


def test_an_admin_sees_the_identity_provider_where_one_is_configured(ports: Ports, admin: Caller):
    provider = IdentityProvider()
    checks = system.get_health(replace(ports, identity_provider=provider), admin, "ready").checks or {}
    assert checks["identity_provider"].status == "ok"
    provider.available = False
    health = system.get_health(replace(ports, identity_provider=provider), admin, "ready")
    assert health.status == "ok"
    assert (health.checks or {})["identity_provider"] == system.Check(
        "unavailable", "Nobody can log in; sessions and API keys go on. The identity provider does not answer"
    )
