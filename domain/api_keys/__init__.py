"""API keys: create, list, read, change, rotate and revoke them, and create the first one."""

from domain.api_keys.changes import revoke_api_key, rotate_api_key, update_api_key
from domain.api_keys.creation import create_api_key, create_first_key, create_unbounded_key
from domain.api_keys.reading import get_api_key, list_api_keys

__all__ = [
    "create_api_key",
    "create_first_key",
    "create_unbounded_key",
    "get_api_key",
    "list_api_keys",
    "revoke_api_key",
    "rotate_api_key",
    "update_api_key",
]
