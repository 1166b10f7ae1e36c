"""Handlers of the tag `auth`."""

from typing import Unpack

from domain import auth
from domain.auth.login import BackchannelLogout, FinishLoginParameters
from domain.auth.sessions import ListSessionsParameters
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers
from handlers.edge import cookies
from handlers.openapi31 import Answer
from handlers.serializers import auth as serialize


def start_login(ports: Ports, *, redirect: str) -> Answer:
    """GET /auth/login"""
    started = auth.start_login(ports, redirect)
    return answers.redirect(started.url, cookies.login_cookie(ports.settings, started.cookie))


def finish_login(
    ports: Ports, login_cookie: str, user_agent: str, address: str, **parameters: Unpack[FinishLoginParameters]
) -> Answer:
    """GET /auth/callback"""
    browser = auth.Browser(login_cookie, user_agent, address)
    finished = auth.finish_login(ports, browser, **parameters)
    cookie = cookies.session_cookie(ports.settings, finished.cookie, finished.session)
    return answers.redirect(finished.redirect, cookie, cookies.expired_login_cookie(ports.settings))


def receive_backchannel_logout(ports: Ports, *, body: BackchannelLogout) -> Answer:
    """POST /auth/backchannel-logout"""
    auth.receive_backchannel_logout(ports, body)
    return Answer(200, headers={"Cache-Control": "no-store"})


def logout(ports: Ports, caller: Caller) -> Answer:
    """POST /auth/logout"""
    return answers.ok(
        auth.logout(ports, caller), serialize.logged_out, **{"Set-Cookie": cookies.expired_cookie(ports.settings)}
    )


def get_current_user(ports: Ports, caller: Caller) -> Answer:
    """GET /auth/me"""
    return answers.ok(auth.get_current_user(ports, caller), serialize.current_user)


def list_sessions(ports: Ports, caller: Caller, **parameters: Unpack[ListSessionsParameters]) -> Answer:
    """GET /auth/sessions"""
    return answers.page(auth.list_sessions(ports, caller, **parameters), serialize.session)


def create_session(ports: Ports, caller: Caller, *, user_agent: str) -> Answer:
    """POST /auth/sessions"""
    created, text = auth.create_session(ports, caller, user_agent)
    cookie = cookies.session_cookie(ports.settings, text, created.session)
    return answers.created(created, serialize.session, **{"Set-Cookie": cookie, "Cache-Control": "no-store"})


def revoke_other_sessions(ports: Ports, caller: Caller) -> Answer:
    """DELETE /auth/sessions"""
    auth.revoke_other_sessions(ports, caller)
    return answers.no_content()


def revoke_session(ports: Ports, caller: Caller, *, session_id: str) -> Answer:
    """DELETE /auth/sessions/{session_id}"""
    auth.revoke_session(ports, caller, session_id)
    return answers.no_content()
