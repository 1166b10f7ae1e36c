"""Which API keys there are for a caller."""

from domain.identity.access import Caller, not_found, sees
from domain.model.api_key import ApiKey
from domain.ports import Ports
from domain.ports.store import Page
from domain.resources import queries

NOUN = "API key"
_SORTS = {"name": "name", "createdAt": "created_at", "lastUsedAt": "last_used_at"}


def list_api_keys(  # noqa: PLR0913 - as many as the list has parameters
    ports: Ports,
    caller: Caller,
    *,
    search: str | None = None,
    role: str | None = None,
    sort: str = "createdAt",
    order: str = "desc",
    page: int = 1,
    per_page: int = 20,
) -> Page[ApiKey]:
    """All keys, or those of the caller's customer."""
    filters = queries.scoped(caller, {"role": role})
    query = queries.query(page, per_page, _SORTS[sort], order, search=search, filters=filters)
    with ports.store.read() as work:
        return work.api_keys.page(query)


def get_api_key(ports: Ports, caller: Caller, api_key_id: str) -> ApiKey:
    """Its use is written down a moment late: see `credentials.Authenticator`."""
    with ports.store.read() as work:
        return visible(caller, work.api_keys.get(api_key_id), api_key_id)


def visible(caller: Caller, key: ApiKey | None, api_key_id: str) -> ApiKey:
    """The key, unless it does not exist for this caller."""
    if key is None or not sees(caller, key.customer_id):
        raise not_found(NOUN, api_key_id)
    return key
