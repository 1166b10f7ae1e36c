"""What a realm lacks, compared with what `keycloak-setup` makes."""

from collections.abc import Iterator

from keycloak import KeycloakAdmin, KeycloakError

from domain.adapters.keycloak.client import GROUP, USER_ID, Realm, Representation
from domain.adapters.keycloak.realm_setup import LAST_NAME, user_profile

_FLAGS = ("publicClient", "standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled", "fullScopeAllowed")


def find(admin: KeycloakAdmin, realm: Realm) -> list[str]:
    """Return what is missing or unsafe, a sentence for each."""
    client = admin.get_client(str(admin.get_client_id(realm.client_id)))
    return [
        *_in_client(client, realm),
        *_in_mappers(client.get("protocolMappers", []), realm),
        *_in_roles(admin, realm),
        *_in_group(admin),
        *_in_profile(admin, realm),
    ]


def _in_client(client: Representation, realm: Realm) -> Iterator[str]:
    wanted, name = realm.client(), realm.client_id
    for flag in _FLAGS:
        if client.get(flag) != wanted[flag]:
            yield f"The client {name} has {flag} {client.get(flag)}; it must be {wanted[flag]}"
    if missing := set(wanted["redirectUris"]) - set(client.get("redirectUris", ())):
        yield f"The client {name} does not allow the redirect URI {missing.pop()}"
    for attribute, value in wanted["attributes"].items():
        if client.get("attributes", {}).get(attribute) != value:
            yield f"The client {name} lacks {attribute} {value}"


def _in_mappers(mappers: list[Representation], realm: Realm) -> Iterator[str]:
    configs = [(mapper["protocolMapper"], mapper["config"]) for mapper in mappers]
    for wanted in realm.mappers():
        matching = [config for kind, config in configs if kind == wanted["protocolMapper"]]
        if not any(wanted["config"].items() <= config.items() for config in matching):
            yield f"The client {realm.client_id} lacks the mapper of the claim {wanted['config']['claim.name']}"


def _in_roles(admin: KeycloakAdmin, realm: Realm) -> Iterator[str]:
    known = {role["name"] for role in admin.get_realm_roles()}
    yield from (f"The realm lacks the role {name}" for name in realm.roles.values() if name not in known)


def _in_group(admin: KeycloakAdmin) -> Iterator[str]:
    try:
        admin.get_group_by_path(f"/{GROUP}")
    except KeycloakError as fault:
        if fault.response_code != 404:
            raise
        yield f"The realm lacks the group {GROUP}"


def _in_profile(admin: KeycloakAdmin, realm: Realm) -> Iterator[str]:
    declared = {attribute["name"]: attribute for attribute in user_profile(admin, realm)["attributes"]}
    for name in (realm.customer_attribute, USER_ID):
        if name not in declared:
            yield f"The user profile lacks the attribute {name}"
        elif "user" in declared[name].get("permissions", {}).get("edit", ["user"]):
            yield f"People may edit their own attribute {name}: they could join any customer"
    if "required" in declared.get(LAST_NAME, {}):
        yield "The user profile requires a last name: who has one name is asked for another at the first login"
