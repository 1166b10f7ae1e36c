"""Both identity providers, with the same two people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from domain.adapters import memory
from domain.model.role import Role
from domain.ports.identity_provider import Account, IdentityProvider
from domain.settings import Settings
from tests import keycloak


@dataclass
class Login:
    """A provider, and how a person logs in at it: from the login URL and a name to the URL of the callback."""

    provider: IdentityProvider
    log_in: Callable[[str, str], str]


@pytest.fixture(params=["memory", pytest.param("keycloak", marks=pytest.mark.keycloak)])
def login(request: pytest.FixtureRequest) -> Iterator[Login]:
    if request.param == "memory":
        provider = memory.IdentityProvider()
        provider.create_account(Account("usr_ada", "ada@example.test", "Ada Admin", Role.ADMIN))
        provider.create_account(Account("usr_carl", "carl@example.test", "Carl Customer", Role.CUSTOMER, "cust_acme"))
        yield Login(provider, lambda url, name: provider.log_in(url, f"{name}@example.test"))
        return
    real = keycloak.connect(Settings(**keycloak.client_settings()))
    with httpx.Client() as client:
        yield Login(real, lambda url, name: keycloak.Browser(client).log_in(url, name, f"{name}-pass"))
    real.close()
