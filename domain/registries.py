"""Registries: list, create, read, update and delete the logins with which images are pulled."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from domain.errors import Conflict, Invalid, Unavailable
from domain.identity.access import Caller
from domain.model.identifiers import new_id
from domain.model.image_reference import canonical_host
from domain.model.registry import Registry
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.runtime import RegistryCredentials, RegistryRateLimited, RegistryRefused, RegistryUnavailable
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.queries import list_query
from domain.resources.visibility import choose_owner, get_visible
from domain.rollout.registries import credentials_of, require_outside


class ListRegistriesParameters(TypedDict, total=False):
    """The query parameters of `list_registries`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    sort: Literal["name", "host", "created_at"]
    search: str
    host: str
    customer_id: str


class RegistryCreate(TypedDict):
    """The body of `create_registry`."""

    name: str
    host: str
    username: str
    password: str
    customer_id: NotRequired[str | None]
    shared: NotRequired[bool]


class RegistryUpdate(TypedDict, total=False):
    """The body of `update_registry`."""

    name: str
    username: str
    password: str
    shared: bool


def list_registries(ports: Ports, caller: Caller, **parameters: Unpack[ListRegistriesParameters]) -> Page[Registry]:
    """Return a page of the registries that the caller can see."""
    with ports.store.read() as work:
        return work.registries.page(list_query(caller, parameters, ["host"]))


def create_registry(ports: Ports, caller: Caller, body: RegistryCreate, *, dry_run: bool = False) -> Outcome[Registry]:
    """Store a registry after a login that succeeded.

    Raise Invalid if the registry may not be asked or refuses the login, Unavailable if it does not answer, and Conflict
    if the customer has a registry with this host.
    """
    owner = choose_owner(caller, body.get("customer_id"))
    host, now = canonical_host(body["host"]), ports.clock.now()
    registry = Registry(
        id=new_id("reg"),
        name=body["name"],
        host=host,
        username=body["username"],
        password=ports.vault.encrypt(body["password"]),
        created_at=now,
        updated_at=now,
        login_at=now,
        customer_id=owner,
        shared=_shared(owner, body.get("shared", False)),
    )
    _log_in(ports, host, RegistryCredentials(body["username"], body["password"]))
    change = Change("create", "registry", None, f"Creates the login of {registry.username} at {host}")

    def create(work: Work) -> tuple[Registry, DryRun]:
        work.registries.add(registry)
        return registry, DryRun((change,))

    return perform(ports, create, dry_run=dry_run)


def get_registry(ports: Ports, caller: Caller, registry_id: str) -> Registry:
    """Return the registry, or raise NotFound."""
    with ports.store.read() as work:
        return get_visible(caller, work.registries, "Registry", registry_id)


def update_registry(
    ports: Ports, caller: Caller, registry_id: str, body: RegistryUpdate, if_match: str | None = None
) -> Registry:
    """Apply a merge patch. A new username or password is tested first, as by `create_registry`."""
    known = get_registry(ports, caller, registry_id)
    revisions.match(if_match, known.revision, "registry")
    login_at = _test_changed_login(ports, known, body)
    changes: dict[str, Any] = {**body, "updated_at": ports.clock.now()}
    if login_at is not None:
        changes |= {"login_at": login_at, "login_error": None}
    if "password" in body:
        changes["password"] = ports.vault.encrypt(body["password"])
    with ports.store.begin() as work:
        registry = get_visible(caller, work.registries, "Registry", registry_id)
        revisions.match(if_match, registry.revision, "registry")
        changed = replace(registry, **changes)
        changed.shared = _shared(changed.customer_id, changed.shared)
        work.registries.save(changed)
    return changed


def delete_registry(ports: Ports, caller: Caller, registry_id: str, if_match: str | None = None) -> None:
    """Delete a registry and its login. Raise Conflict while services run images from it."""
    with ports.store.begin() as work:
        registry = get_visible(caller, work.registries, "Registry", registry_id)
        revisions.match(if_match, registry.revision, "registry")
        service = work.registries.service_that_pulls(registry)
        if service is not None:
            raise Conflict(
                f"Cannot delete {registry.name}: the service {service} pulls images from {registry.host}",
                code="in_use",
                details="Deploy it with images of another registry, or delete it",
            )
        work.registries.remove(registry_id)


def _shared(owner: str | None, shared: bool) -> bool:
    if shared and owner is not None:
        raise Invalid({"shared": "is for registries without a customer: leave it out"})
    return shared


def _test_changed_login(ports: Ports, registry: Registry, body: RegistryUpdate) -> datetime | None:
    """Log in with a changed username or password, and return when; None if neither changes."""
    if not body.keys() & {"username", "password"}:
        return None
    login = credentials_of(ports, registry)
    username, password = body.get("username", login.username), body.get("password", login.password)
    _log_in(ports, registry.host, RegistryCredentials(username, password))
    return ports.clock.now()


def _log_in(ports: Ports, host: str, login: RegistryCredentials) -> None:
    try:
        require_outside(ports, host)
    except RegistryRefused as refused:
        raise Invalid({"host": str(refused)}, code="registry_refused") from None
    try:
        ports.runtime.log_in(host, login)
    except RegistryRefused as refused:
        raise Invalid({"password": str(refused)}, code="registry_refused") from None
    except RegistryRateLimited as failed:
        raise Unavailable(str(failed), code="registry_rate_limited") from None
    except RegistryUnavailable as failed:
        raise Unavailable(str(failed), code="registry_unavailable") from None
