"""The JSON of API keys."""

from dataclasses import dataclass

from domain.model.api_key import ApiKey
from handlers.serializers.values import Json, timestamp


@dataclass(frozen=True)
class IssuedApiKey:
    """An API key with its secret text, which the panel returns only in this response."""

    api_key: ApiKey
    text: str

    @property
    def revision(self) -> int:
        """Return the revision of the key."""
        return self.api_key.revision


def api_key(key: ApiKey) -> Json:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "role": key.role,
        "customerId": key.customer_id,
        "rateLimitRpm": key.rate_limit_rpm,
        "deniedPermissions": list(key.denied_permissions),
        "allowedIps": list(key.allowed_ips),
        "expiresAt": timestamp(key.expires_at),
        "createdAt": timestamp(key.created_at),
        "createdBy": key.created_by,
        "lastUsedAt": timestamp(key.last_used_at),
        "lastUsedIp": key.last_used_ip,
        "requestCount": key.request_count,
        "previousSecretUntil": timestamp(key.previous_until),
    }


def api_key_with_secret(issued: IssuedApiKey) -> Json:
    return api_key(issued.api_key) | {"key": issued.text}
