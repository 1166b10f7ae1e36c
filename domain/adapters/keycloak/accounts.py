"""Accounts of a realm: a role of the panel is a realm role, a customer is a group."""

from keycloak import KeycloakAdmin, KeycloakError

from domain.adapters.keycloak.client import GROUP, USER_ID, Realm, Representation
from domain.ports.identity_provider import Account


def create(admin: KeycloakAdmin, realm: Realm, account: Account, password: str | None) -> str:
    """Create an account with role and group and return its ID. A call that was interrupted is completed by the next."""
    known = subjects_of(admin, account.user_id)
    if known:
        subject = known[0]
    else:
        credentials = [{"type": "password", "value": password, "temporary": True}] if password else []
        new = {"username": account.email, "email": account.email, "credentials": credentials, **_profile(account)}
        subject = admin.create_user(new, exist_ok=False)
    _set_role(admin, realm, subject, account)
    _set_group(admin, realm, subject, account)
    return subject


def subjects_of(admin: KeycloakAdmin, user_id: str) -> list[str]:
    """Return the IDs of a user's accounts: one, or none."""
    return [str(known["id"]) for known in admin.get_users({"q": f"{USER_ID}:{user_id}", "exact": True})]


def update(admin: KeycloakAdmin, realm: Realm, subject: str, account: Account) -> None:
    """Change an account; its email address stays."""
    current = admin.get_user(subject)
    changed = _profile(account)
    changed["attributes"] = {**current.get("attributes", {}), **changed["attributes"]}
    admin.update_user(subject, {**current, **changed})
    _set_role(admin, realm, subject, account)
    _set_group(admin, realm, subject, account)


def _profile(account: Account) -> Representation:
    first, _, last = account.name.partition(" ")
    return {
        "firstName": first,
        "lastName": last,
        "enabled": account.enabled,
        "attributes": {USER_ID: [account.user_id]},
    }


def _set_role(admin: KeycloakAdmin, realm: Realm, subject: str, account: Account) -> None:
    """Give the account the realm role of its role, and take the realm roles of the others."""
    wanted = realm.roles[account.role]
    held = {role["name"]: role for role in admin.get_realm_roles_of_user(subject)}
    surplus = [held[name] for name in set(realm.roles.values()) & held.keys() - {wanted}]
    if wanted not in held:
        admin.assign_realm_roles(subject, [admin.get_realm_role(wanted)])
    if surplus:
        admin.delete_realm_roles_of_user(subject, surplus)


def _set_group(admin: KeycloakAdmin, realm: Realm, subject: str, account: Account) -> None:
    """Put the account into the group of its customer alone."""
    wanted = _customer_group(admin, realm, account.customer_id) if account.customer_id else None
    held = {group["id"] for group in admin.get_user_groups(subject) if group["path"].startswith(f"/{GROUP}/")}
    for surplus in held - {wanted}:
        admin.group_user_remove(subject, surplus)
    if wanted is not None and wanted not in held:
        admin.group_user_add(subject, wanted)


def _customer_group(admin: KeycloakAdmin, realm: Realm, customer_id: str) -> str:
    """Return the ID of a customer's group; create it at its first account."""
    try:
        return str(admin.get_group_by_path(f"/{GROUP}/{customer_id}")["id"])
    except KeycloakError as fault:
        if fault.response_code != 404:
            raise
    parent = admin.get_group_by_path(f"/{GROUP}")["id"]
    group = {"name": customer_id, "attributes": {realm.customer_attribute: [customer_id]}}
    created = admin.create_group(group, parent=parent)
    return str(created)
