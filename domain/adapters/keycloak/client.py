"""What the panel needs in a realm: its client, the claims of its tokens, roles and groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from domain.model.role import Role
from domain.settings import BadSetting, Settings

Representation = dict[str, Any]
GROUP = "customers"
"""The group whose subgroups stand for customers."""
USER_ID = "panel_user_id"
"""The attribute of an account that holds the panel's ID of the user."""
SERVICE_ROLES = ("manage-users", "view-users", "query-users", "query-groups", "view-realm", "view-clients")
"""What the client may do in the realm: look after accounts, and read the configuration to check it."""


@dataclass(frozen=True)
class Realm:
    """A realm and the panel's client in it; `panel_url` is where browsers come back to."""

    issuer: str
    client_id: str
    panel_url: str
    roles: Mapping[Role, str]
    customer_attribute: str

    @property
    def server_url(self) -> str:
        """Return the server's URL, which ends with a slash."""
        return self.issuer.rpartition("/realms/")[0] + "/"

    @property
    def name(self) -> str:
        """Return the realm's name."""
        return self.issuer.rpartition("/realms/")[2]

    def client(self) -> Representation:
        """Return the client: confidential, with the code flow and PKCE alone, and an account for the panel itself."""
        return {
            "clientId": self.client_id,
            "name": "AI Admin Panel",
            "enabled": True,
            "protocol": "openid-connect",
            "publicClient": False,
            "standardFlowEnabled": True,
            "implicitFlowEnabled": False,
            "directAccessGrantsEnabled": False,
            "serviceAccountsEnabled": True,
            "fullScopeAllowed": True,
            "redirectUris": [f"{self.panel_url}/api/auth/callback"],
            "attributes": {
                "pkce.code.challenge.method": "S256",
                "backchannel.logout.url": f"{self.panel_url}/api/auth/backchannel-logout",
                "backchannel.logout.session.required": "true",
                "post.logout.redirect.uris": f"{self.panel_url}/",
            },
        }

    def mappers(self) -> list[Representation]:
        """Return the mappers that put roles and customer into ID tokens, as the claims `roles` and `customer_id`."""
        customer = {
            "user.attribute": self.customer_attribute,
            "claim.name": "customer_id",
            "aggregate.attrs": "true",  # the attributes of the groups that a person is in
        }
        return [
            _mapper("panel roles", "oidc-usermodel-realm-role-mapper", {"claim.name": "roles"}),
            _mapper("panel customer", "oidc-usermodel-attribute-mapper", customer),
        ]


def realm_of(settings: Settings, issuer: str = "") -> Realm:
    """Return the realm of the settings, or of another issuer. Raise BadSetting if it is not a realm's URL."""
    issuer = (issuer or settings.oidc_issuer).rstrip("/")
    parts = urlsplit(issuer)
    if parts.scheme not in ("http", "https") or not parts.hostname or "/realms/" not in parts.path or parts.query:
        raise BadSetting(
            f"PANEL_OIDC_ISSUER is {issuer!r}; it takes the URL of a realm such as https://sso.example.com/realms/main"
        )
    return Realm(issuer, settings.oidc_client_id, settings.url, settings.realm_roles, settings.oidc_customer_attribute)


def _mapper(name: str, kind: str, config: Mapping[str, str]) -> Representation:
    common = {
        "jsonType.label": "String",
        "multivalued": "true",
        "id.token.claim": "true",
        "access.token.claim": "false",
        "userinfo.token.claim": "false",
    }
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": {**common, **config}}
