"""What a delivery reports: read from the body and the headers of each provider, after its signature was checked."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs

import orjson

from domain.deploy_hooks.headers import Header
from domain.errors import Invalid
from domain.model.deploy_hook import DeployHook, HookProvider
from domain.resources.queries import parse_time

_MAX_REF, _MAX_ID = 1024, 255
_BRANCH, _TAG = "refs/heads/", "refs/tags/"
_PUSHES = {
    HookProvider.GITHUB: ("x-github-event", {"push"}),
    HookProvider.GITEA: ("x-gitea-event", {"push"}),
    HookProvider.GITLAB: ("x-gitlab-event", {"Push Hook", "Tag Push Hook"}),
}
_DELIVERY_IDS = {HookProvider.GITHUB: "x-github-delivery", HookProvider.GITEA: "x-gitea-delivery"}
_GENERIC_AGE, _GITHUB_AGE = timedelta(minutes=5), timedelta(days=3)


@dataclass(frozen=True)
class Push:
    """A delivery. `reason` says why it is no push that the hook waits for; None if it deploys.

    `digests` are what a repetition of it would have, too.
    """

    ref: str | None
    reason: str | None
    digests: tuple[str, ...]


def read_push(hook: DeployHook, body: bytes, header: Header, now: datetime) -> Push:
    """Return what a delivery reports. Raise Invalid if its body cannot be read, or names a time that is too old."""
    name, pushes = _PUSHES.get(hook.provider, ("", {""}))
    if name and header(name) not in pushes:
        return Push(None, "not_a_push", _digests(hook.provider, body, header, {}))
    fields = _fields(body, header)
    ref = _text(fields, "ref", _MAX_REF)
    _require_recent(hook.provider, fields, now)
    return Push(ref or None, _reason(hook, fields, ref), _digests(hook.provider, body, header, fields))


def _fields(body: bytes, header: Header) -> dict[str, Any]:
    """Return the body's fields, which can also be JSON in the field `payload` of a form."""
    form = header("content-type").lower().startswith("application/x-www-form-urlencoded")
    try:
        text = parse_qs(body.decode(), max_num_fields=10).get("payload", [""])[0] if form else body
        fields = orjson.loads(text)
    except ValueError:
        raise Invalid({"body": "is not JSON"}) from None
    if not isinstance(fields, dict):
        raise Invalid({"body": "is not an object"})
    return fields


def _text(fields: dict[str, Any], name: str, longest: int) -> str:
    text = fields.get(name, "")
    if not isinstance(text, str) or len(text) > longest:
        raise Invalid({name: f"is not a text of at most {longest} characters"})
    return text


def _require_recent(provider: HookProvider, fields: dict[str, Any], now: datetime) -> None:
    if provider is HookProvider.GENERIC:
        _require_within(now, _sent_at(fields), _GENERIC_AGE, "sent_at")
    repository = fields.get("repository")
    pushed_at = repository.get("pushed_at") if isinstance(repository, dict) else None
    if provider is HookProvider.GITHUB and isinstance(pushed_at, int) and 0 <= pushed_at < 2**40:
        _require_within(now, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=pushed_at), _GITHUB_AGE, "repository")


def _sent_at(fields: dict[str, Any]) -> datetime:
    try:
        return parse_time(_text(fields, "sent_at", 64))
    except ValueError:
        raise Invalid({"sent_at": "is not a time in RFC 3339, such as 2026-03-29T10:05:00Z"}) from None


def _require_within(now: datetime, at: datetime, age: timedelta, field: str) -> None:
    if abs(now - at) > age:
        raise Invalid({field: f"is from another time: it may differ from the panel's by {age}"})


def _reason(hook: DeployHook, fields: dict[str, Any], ref: str) -> str | None:
    after = fields.get("after")
    if fields.get("deleted") is True or (isinstance(after, str) and after and not after.strip("0")):
        return "ref_deleted"
    wanted = [(_BRANCH, hook.branch), (_TAG, hook.tag)]
    filters = [prefix + pattern for prefix, pattern in wanted if pattern is not None]
    return None if not filters or any(fnmatchcase(ref, pattern) for pattern in filters) else "ref_filtered"


def _digests(provider: HookProvider, body: bytes, header: Header, fields: dict[str, Any]) -> tuple[str, ...]:
    """Return the digests of the delivery's ID and of its body.

    GitHub and Gitea do not sign the ID. Bodies of GitLab can be equal for two pushes, so that its ID is a part of them.
    """
    if provider is HookProvider.GITLAB:
        return (_digest(b"body", header("x-gitlab-event-uuid").encode() + b" " + body),)
    if provider is HookProvider.GENERIC:
        given = _text(fields, "id", _MAX_ID)
        if not given:
            raise Invalid({"id": "is required: a text that is different for each delivery"})
        return (_digest(b"id", given.encode()),)
    given = header(_DELIVERY_IDS[provider])
    ids = (_digest(b"id", given.encode()),) if given else ()
    return (*ids, _digest(b"body", body))


def _digest(kind: bytes, content: bytes) -> str:
    return hashlib.sha256(kind + b" " + content).hexdigest()
