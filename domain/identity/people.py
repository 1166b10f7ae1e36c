"""People who log in: what an ID token says about them, and the users that they are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.errors import Forbidden, InvalidToken
from domain.identity.permissions import RANK
from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.model.user import User
from domain.ports.store import Work
from domain.settings import Settings

_CUSTOMER_ID = re.compile("cust_[0-9a-z]{1,59}")
_MAX_TEXT = 200


@dataclass(frozen=True)
class Person:
    """Somebody who has logged in. `session` is the identity provider's ID of the login."""

    subject: str
    session: str | None
    email: str
    name: str
    role: Role
    customer_id: str | None


def from_claims(claims: Mapping[str, Any], settings: Settings) -> Person:
    """Return the person of an ID token whose signature, issuer, audience, expiry and nonce are right.

    Raise InvalidToken if the token is for another client or of another kind; Forbidden if it gives no role.
    """
    if claims.get("azp", settings.oidc_client_id) != settings.oidc_client_id or claims.get("typ", "ID") != "ID":
        raise InvalidToken("The login cannot be completed", details="The token is not an ID token for this panel")
    role, customer_id = _role(claims.get("roles"), settings), _customer(claims.get("customer_id"))
    if role is Role.CUSTOMER and customer_id is None:
        raise _forbidden("Your account belongs to no customer", "Ask an administrator to add you to a customer's group")
    name = _text(claims.get("name")) or _text(claims.get("preferred_username")) or _text(claims.get("email"))
    return Person(
        subject=_text(claims["sub"]),
        session=_text(claims.get("sid")) or None,
        email=_text(claims.get("email")),
        name=name or "Unnamed",
        role=role,
        customer_id=customer_id,
    )


def save_user(work: Work, person: Person, now: datetime) -> User:
    """Return the user with the person's subject, new or brought up to date.

    Raise Forbidden if it is disabled, or if its invitation is not good any more.

    An email address joins nobody to an existing user: people can often choose it themselves.
    """
    known = work.users.by_subject(person.subject)
    fields = {"name": person.name, "email": person.email, "role": person.role, "customer_id": person.customer_id}
    if known is None:
        user = User(id=new_id("usr"), subject=person.subject, created_at=now, **fields)  # type: ignore[arg-type]
        work.users.add(user)
        return user
    if not known.enabled:
        raise _forbidden("Your user is disabled", "Ask an administrator to enable it")
    if known.invited:
        _check_invitation(known, person, now)
    changed = replace(known, **fields, invited=False, invited_until=None)  # type: ignore[arg-type]
    if changed != known:
        work.users.save(changed)
    return changed


def _check_invitation(user: User, person: Person, now: datetime) -> None:
    """Raise Forbidden if an invitation has expired, or if the account has another address than the invited one."""
    if user.invited_until is not None and user.invited_until <= now:
        raise _forbidden("Your invitation has expired", "Ask an administrator to invite you again")
    if person.email.lower() != user.email.lower():
        raise _forbidden("Your invitation is for another email address", "Ask an administrator to invite you again")


def _role(claimed: object, settings: Settings) -> Role:
    """Return the highest role among the realm roles of a person."""
    names = set(map(str, claimed)) if isinstance(claimed, list) else set()
    held = [role for role, name in settings.realm_roles.items() if name in names]
    if not held:
        wanted = ", ".join(settings.realm_roles.values())
        raise _forbidden("Your account has no role in the panel", f"Ask an administrator for one of: {wanted}")
    return max(held, key=RANK.__getitem__)


def _customer(claimed: object) -> str | None:
    """Return the one customer of a person. Several, such as of two groups, leave open whose data to show."""
    names = set(map(str, claimed)) if isinstance(claimed, list) else {str(claimed)} if claimed else set()
    if not names:
        return None
    if len(names) > 1 or not _CUSTOMER_ID.fullmatch(min(names)):
        raise _forbidden("Your account does not belong to one customer", "An administrator must correct its groups")
    return names.pop()


def _text(claimed: object) -> str:
    return "".join(filter(str.isprintable, claimed))[:_MAX_TEXT].strip() if isinstance(claimed, str) else ""


def _forbidden(message: str, details: str) -> Forbidden:
    return Forbidden(message, code="login_refused", details=details)
