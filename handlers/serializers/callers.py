"""Who calls: API keys, sessions, tickets, roles and permissions."""

from dataclasses import asdict, dataclass

from domain.auth import CurrentUser, LoggedOut, OwnSession
from domain.events import SocketTicket
from domain.model.api_key import ApiKey
from domain.users import Permission, RoleGrant
from handlers.serializers.values import Json, moment


@dataclass(frozen=True)
class Issued:
    """A key with its text, which is shown this once."""

    api_key: ApiKey
    text: str


def api_key(one: ApiKey) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "prefix": one.prefix,
        "role": one.role,
        "customerId": one.customer_id,
        "rateLimitRpm": one.rate_limit_rpm,
        "deniedPermissions": list(one.denied_permissions),
        "allowedIps": list(one.allowed_ips),
        "expiresAt": moment(one.expires_at),
        "createdAt": moment(one.created_at),
        "createdBy": one.created_by,
        "lastUsedAt": moment(one.last_used_at),
        "lastUsedIp": one.last_used_ip,
        "requestCount": one.request_count,
        "previousSecretUntil": moment(one.previous_until),
    }


def api_key_with_secret(one: Issued) -> Json:
    return api_key(one.api_key) | {"key": one.text}


def current_user(one: CurrentUser) -> Json:
    return asdict(one) | {"created_at": moment(one.created_at)}


def session(one: OwnSession) -> Json:
    row = one.session
    return {
        "id": row.id,
        "user_id": row.api_key_id,
        "current": one.current,
        "device": row.device,
        "ip": row.ip,
        "created_at": moment(row.created_at),
        "last_seen_at": moment(row.last_seen_at),
        "expires_at": moment(row.expires_at),
    }


def logged_out(one: LoggedOut) -> Json:
    return {"session_id": one.session_id}


def socket_ticket(one: SocketTicket) -> Json:
    return {"ticket": one.text, "url": one.url, "topics": one.topics, "expires_at": moment(one.expires_at)}


def role(one: RoleGrant) -> Json:
    return {"name": one.name, "description": one.description, "permissions": one.permissions}


def permission(one: Permission) -> Json:
    return {"name": one.name, "operations": one.operations}
