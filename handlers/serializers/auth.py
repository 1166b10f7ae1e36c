"""The JSON of the caller and its sessions."""

from dataclasses import asdict

from domain import auth
from handlers.serializers.values import Json, timestamp


def current_user(user: auth.CurrentUser) -> Json:
    return asdict(user) | {"created_at": timestamp(user.created_at)}


def session(result: auth.SessionDetail) -> Json:
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


def logged_out(result: auth.LoggedOut) -> Json:
    return {"session_id": result.session_id}
