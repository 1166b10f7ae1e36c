"""Set a realm up for the panel: client, mappers, roles, group and attributes. It can be repeated."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keycloak import KeycloakAdmin, KeycloakError

from domain.adapters.keycloak.client import GROUP, SERVICE_ROLES, USER_ID, Realm, Representation, realm_of
from domain.adapters.keycloak.server import TIMEOUT, Server
from domain.errors import Unavailable
from domain.settings import Settings

LAST_NAME = "lastName"
_SETUP_TIMEOUT = 30  # seconds: an operator waits for it, and a server that has just started is slow


@dataclass(frozen=True)
class Administrator:
    """Who sets the realm up: an account with the rights to do so, usually of the realm `master`."""

    username: str
    password: str
    realm: str = "master"


def set_up_realm(settings: Settings, issuer: str, administrator: Administrator) -> str:
    """Create what the panel needs and the realm lacks; return the client's secret.

    Raise BadSetting if the issuer is no realm's URL, Unavailable if Keycloak cannot be used.
    """
    realm = realm_of(settings, issuer)
    server = Server(deadline=_SETUP_TIMEOUT)
    try:
        return server.call(lambda: _set_up(_admin(realm, administrator), realm))
    except Unavailable as fault:
        advice = f"Check the URL {realm.issuer}, and the administrator's name and password"
        raise Unavailable(f"{fault.message}. {advice}", code="identity_provider_unavailable") from None
    finally:
        server.close()


def _admin(realm: Realm, administrator: Administrator) -> KeycloakAdmin:
    return KeycloakAdmin(
        server_url=realm.server_url,
        username=administrator.username,
        password=administrator.password,
        realm_name=realm.name,
        user_realm_name=administrator.realm,
        timeout=TIMEOUT,
        max_retries=0,
    )


def _set_up(admin: KeycloakAdmin, realm: Realm) -> str:
    _create_roles_and_group(admin, realm)
    _declare_attributes(admin, realm)
    client = _save_client(admin, realm)
    _save_mappers(admin, realm, client)
    _give_service_roles(admin, client)
    return str(admin.get_client_secrets(client)["value"])


def _create_roles_and_group(admin: KeycloakAdmin, realm: Realm) -> None:
    for role, name in realm.roles.items():
        admin.create_realm_role({"name": name, "description": f"AI Admin Panel: {role}"}, skip_exists=True)
    admin.create_group({"name": GROUP}, skip_exists=True)


def _declare_attributes(admin: KeycloakAdmin, realm: Realm) -> None:
    """Declare the attributes that the panel reads, so that only administrators can edit them.

    A last name is not required: Keycloak would ask a person who has one name for another at the first login.
    """
    profile = user_profile(admin, realm)
    declared = {attribute["name"]: {**attribute} for attribute in profile["attributes"]}
    for name in (realm.customer_attribute, USER_ID):
        permissions = {"view": ["admin"], "edit": ["admin"]}
        declared[name] = {**declared.get(name, {"name": name}), "permissions": permissions}
    declared.get(LAST_NAME, {}).pop("required", None)
    changed = {**profile, "attributes": list(declared.values())}
    if changed != profile:
        answer = admin.connection.raw_put(_profile_path(realm), data=json.dumps(changed))
        if answer.status_code >= 400:
            raise KeycloakError(response_code=answer.status_code)


def _save_client(admin: KeycloakAdmin, realm: Realm) -> str:
    """Create or update the client; return its ID in Keycloak. Redirect URIs that it has already stay."""
    wanted, client_id = realm.client(), admin.get_client_id(realm.client_id)
    if client_id is None:
        return admin.create_client(wanted)
    current = admin.get_client(client_id)
    uris = sorted({*current.get("redirectUris", ()), *wanted["redirectUris"]})
    attributes = {**current.get("attributes", {}), **wanted["attributes"]}
    admin.update_client(client_id, {**current, **wanted, "redirectUris": uris, "attributes": attributes})
    return client_id


def _save_mappers(admin: KeycloakAdmin, realm: Realm, client_id: str) -> None:
    known: Mapping[str, Representation] = {
        mapper["name"]: mapper for mapper in admin.get_mappers_from_client(client_id)
    }
    for mapper in realm.mappers():
        if mapper["name"] in known:
            current = known[mapper["name"]]
            admin.update_client_mapper(client_id, current["id"], {**current, **mapper})
        else:
            admin.add_mapper_to_client(client_id, mapper)


def _give_service_roles(admin: KeycloakAdmin, client_id: str) -> None:
    management = admin.get_client_id("realm-management")
    account = admin.get_client_service_account_user(client_id)["id"]
    roles = [admin.get_client_role(str(management), name) for name in SERVICE_ROLES]
    admin.assign_client_role(account, str(management), roles)


def user_profile(admin: KeycloakAdmin, realm: Realm) -> dict[str, Any]:
    """Return the realm's user profile: which attributes accounts have, and who may edit them."""
    answer = admin.connection.raw_get(_profile_path(realm))
    if answer.status_code >= 400:
        raise KeycloakError(response_code=answer.status_code)
    return dict(answer.json())


def _profile_path(realm: Realm) -> str:
    return f"admin/realms/{realm.name}/users/profile"
