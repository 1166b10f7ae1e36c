"""Handlers of the tag `api_keys`."""

from typing import Unpack

from domain import api_keys
from domain.api_keys.fields import ApiKeyCreate, ApiKeyRotation, ApiKeyUpdate
from domain.api_keys.reading import ListApiKeysParameters
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import api_keys as serialize
from handlers.serializers.api_keys import IssuedApiKey

_UNCACHED = {"Cache-Control": "no-store"}  # the answer holds the key's text


def list_api_keys(ports: Ports, caller: Caller, **parameters: Unpack[ListApiKeysParameters]) -> Answer:
    """GET /v1/api-keys"""
    return answers.page(api_keys.list_api_keys(ports, caller, **parameters), serialize.api_key)


def create_api_key(ports: Ports, caller: Caller, body: ApiKeyCreate) -> Answer:
    """POST /v1/api-keys"""
    return answers.created(
        IssuedApiKey(*api_keys.create_api_key(ports, caller, body)), serialize.api_key_with_secret, **_UNCACHED
    )


def get_api_key(ports: Ports, caller: Caller, api_key_id: str) -> Answer:
    """GET /v1/api-keys/{api_key_id}"""
    return answers.ok(api_keys.get_api_key(ports, caller, api_key_id), serialize.api_key)


def update_api_key(
    ports: Ports, caller: Caller, api_key_id: str, body: ApiKeyUpdate, if_match: str | None = None
) -> Answer:
    """PATCH /v1/api-keys/{api_key_id}"""
    return answers.ok(api_keys.update_api_key(ports, caller, api_key_id, body, if_match=if_match), serialize.api_key)


def revoke_api_key(ports: Ports, caller: Caller, api_key_id: str, if_match: str | None = None) -> Answer:
    """DELETE /v1/api-keys/{api_key_id}"""
    api_keys.revoke_api_key(ports, caller, api_key_id, if_match=if_match)
    return answers.no_content()


def rotate_api_key(ports: Ports, caller: Caller, api_key_id: str, body: ApiKeyRotation | None = None) -> Answer:
    """POST /v1/api-keys/{api_key_id}/rotate"""
    return answers.ok(
        IssuedApiKey(*api_keys.rotate_api_key(ports, caller, api_key_id, body)),
        serialize.api_key_with_secret,
        **_UNCACHED,
    )
