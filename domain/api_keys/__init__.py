"""API keys: making, listing, changing, rotating and revoking them, and the first one."""

from domain.api_keys.changing import revoke_api_key, rotate_api_key, update_api_key
from domain.api_keys.looking import get_api_key, list_api_keys
from domain.api_keys.making import create_api_key, first_key, make_key

__all__ = [
    "create_api_key",
    "first_key",
    "get_api_key",
    "list_api_keys",
    "make_key",
    "revoke_api_key",
    "rotate_api_key",
    "update_api_key",
]
