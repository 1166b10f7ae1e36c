"""The API keys that a caller can see."""

from typing import Literal, TypedDict, Unpack

from domain.identity.access import Caller, not_found, sees
from domain.model.api_key import ApiKey
from domain.model.role import Role
from domain.ports import Ports
from domain.ports.repository import Page
from domain.resources import queries

NOUN = "API key"
_SORTS = {"name": "name", "createdAt": "created_at", "lastUsedAt": "last_used_at"}


class ListApiKeysParameters(TypedDict, total=False):
    """The query parameters of `list_api_keys`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    search: str
    sort: Literal["name", "createdAt", "lastUsedAt"]
    role: Role


def list_api_keys(ports: Ports, caller: Caller, **parameters: Unpack[ListApiKeysParameters]) -> Page[ApiKey]:
    """Return all keys, or those of the caller's customer, newest first."""
    query = queries.query(
        parameters.get("page", 1),
        parameters.get("per_page", 20),
        _SORTS[parameters.get("sort", "createdAt")],
        parameters.get("order", "desc"),
        search=parameters.get("search"),
        filters=queries.scoped(caller, {"role": parameters.get("role")}),
    )
    with ports.store.read() as work:
        return work.api_keys.page(query)


def get_api_key(ports: Ports, caller: Caller, api_key_id: str) -> ApiKey:
    """Return a key. Its last use is up to a few seconds old: see `Authenticator.flush`."""
    with ports.store.read() as work:
        return get_visible(caller, work.api_keys.get(api_key_id), api_key_id)


def get_visible(caller: Caller, key: ApiKey | None, api_key_id: str) -> ApiKey:
    """Return the key. Raise NotFound if it does not exist for this caller."""
    if key is None or not sees(caller, key.customer_id):
        raise not_found(NOUN, api_key_id)
    return key
