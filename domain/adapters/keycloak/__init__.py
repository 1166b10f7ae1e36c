"""Keycloak as identity provider."""

from domain.adapters.keycloak.client import realm_of
from domain.adapters.keycloak.provider import IdentityProvider
from domain.adapters.keycloak.realm_setup import Administrator, set_up_realm

__all__ = ["Administrator", "IdentityProvider", "realm_of", "set_up_realm"]
