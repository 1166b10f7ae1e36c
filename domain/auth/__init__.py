"""The current caller, its browser sessions, and logins at the identity provider."""

from domain.auth.login import Browser, finish_login, receive_backchannel_logout, start_login
from domain.auth.sessions import (
    create_session,
    get_current_user,
    list_sessions,
    logout,
    revoke_other_sessions,
    revoke_session,
)

__all__ = [
    "Browser",
    "create_session",
    "finish_login",
    "get_current_user",
    "list_sessions",
    "logout",
    "receive_backchannel_logout",
    "revoke_other_sessions",
    "revoke_session",
    "start_login",
]
