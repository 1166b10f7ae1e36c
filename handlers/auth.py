"""Handlers of the tag `auth`."""

from domain import auth
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.edge import identity
from handlers.openapi31 import Answer
from handlers.serializers import auth as serialize


def logout(ports: Ports, caller: Caller) -> Answer:
    """POST /auth/logout"""
    return answers.ok(
        auth.logout(ports, caller), serialize.logged_out, **{"Set-Cookie": identity.no_cookie(ports.settings)}
    )


def get_current_user(ports: Ports, caller: Caller) -> Answer:
    """GET /auth/me"""
    return answers.ok(auth.get_current_user(ports, caller), serialize.current_user)


def list_sessions(  # noqa: PLR0913 - as many as the list has parameters
    ports: Ports,
    caller: Caller,
    *,
    user_id: str | None = None,
    sort: str = "created_at",
    order: str = "desc",
    page: int = 1,
    per_page: int = 20,
) -> Answer:
    """GET /auth/sessions"""
    return answers.page(
        auth.list_sessions(ports, caller, user_id=user_id, sort=sort, order=order, page=page, per_page=per_page),
        serialize.session,
    )


def create_session(ports: Ports, caller: Caller, *, user_agent: str) -> Answer:
    """POST /auth/sessions"""
    made, text = auth.create_session(ports, caller, user_agent)
    cookie = identity.cookie(ports.settings, text, made.session)
    return answers.created(made, serialize.session, **{"Set-Cookie": cookie, "Cache-Control": "no-store"})


def revoke_other_sessions(ports: Ports, caller: Caller) -> Answer:
    """DELETE /auth/sessions"""
    auth.revoke_other_sessions(ports, caller)
    return answers.no_content()


def revoke_session(ports: Ports, caller: Caller, *, session_id: str) -> Answer:
    """DELETE /auth/sessions/{session_id}"""
    auth.revoke_session(ports, caller, session_id)
    return answers.no_content()
