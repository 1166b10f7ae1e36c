"""The JSON of the caller and its sessions."""

from dataclasses import asdict

from domain.auth import sessions
from handlers.serializers.values import Json, timestamp


def current_user(user: sessions.CurrentUser) -> Json:
    return asdict(user) | {"created_at": timestamp(user.created_at)}


def session(result: sessions.SessionDetail) -> Json:
    row = result.session
    return {
        "id": row.id,
        "user_id": row.principal_id,
        "current": result.current,
        "device": row.device,
        "ip": row.ip,
        "created_at": timestamp(row.created_at),
        "last_seen_at": timestamp(row.last_seen_at),
        "expires_at": timestamp(row.expires_at),
    }


def logged_out(result: sessions.LoggedOut) -> Json:
    return asdict(result)
