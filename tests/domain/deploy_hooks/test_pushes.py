"""What deliveries of each provider report."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from domain.deploy_hooks.pushes import Push, read_push
from domain.errors import Invalid
from domain.model.deploy_hook import DeployHook, HookProvider

NOW = datetime(2026, 3, 29, 10, 5, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
PUSHES = {
    HookProvider.GITHUB: ("x-github-event", "push"),
    HookProvider.GITEA: ("x-gitea-event", "push"),
    HookProvider.GITLAB: ("x-gitlab-event", "Push Hook"),
    HookProvider.GENERIC: ("", ""),
}
EVERY_PROVIDER = pytest.mark.parametrize("provider", list(HookProvider))


def _read(
    provider: HookProvider, body: Any, *, branch: str | None = None, tag: str | None = None, **headers: str
) -> Push:
    hook = DeployHook("hook_1", "svc_1", "Shop", provider, "sealed", NOW, branch=branch, tag=tag)
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    given = {
        PUSHES[provider][0]: PUSHES[provider][1],
        **{key.replace("_", "-"): value for key, value in headers.items()},
    }
    return read_push(hook, content, lambda name: given.get(name, ""), NOW)


def _push(ref: str = "refs/heads/main", **fields: Any) -> dict[str, Any]:
    return {"id": "1", "sent_at": "2026-03-29T10:05:00Z", "ref": ref, **fields}


@EVERY_PROVIDER
@pytest.mark.parametrize(
    ("filters", "ref", "deploys"),
    [
        ({}, "refs/heads/main", True),
        ({}, "refs/tags/v1", True),
        ({"branch": "main"}, "refs/heads/main", True),
        ({"branch": "main"}, "refs/heads/main2", False),
        ({"branch": "main"}, "refs/heads/Main", False),
        ({"branch": "main"}, "refs/tags/main", False),
        ({"branch": "main"}, "refs/heads/feature/main", False),
        ({"branch": "main"}, "main", False),
        ({"branch": "main"}, "", False),
        ({"branch": "release/*"}, "refs/heads/release/1.2", True),
        ({"branch": "*"}, "refs/tags/v1", False),
        ({"tag": "v*"}, "refs/tags/v1.2", True),
        ({"tag": "v*"}, "refs/heads/v1.2", False),
    ],
)
def test_a_filter_decides_by_the_kind_and_the_name_of_what_was_pushed(
    provider: HookProvider, filters: dict[str, str], ref: str, deploys: bool
) -> None:
    push = _read(provider, _push(ref), **filters)
    assert push.reason == (None if deploys else "ref_filtered")
    assert push.ref == (ref or None)


@EVERY_PROVIDER
@pytest.mark.parametrize("fields", [{"deleted": True}, {"after": "0" * 40}, {"after": "0" * 64}])
def test_a_deleted_branch_deploys_nothing(provider: HookProvider, fields: dict[str, Any]) -> None:
    assert _read(provider, _push(**fields)).reason == "ref_deleted"


@pytest.mark.parametrize(
    ("provider", "header", "event"),
    [
        (HookProvider.GITHUB, "x_github_event", "ping"),
        (HookProvider.GITHUB, "x_github_event", "pull_request"),
        (HookProvider.GITHUB, "x_github_event", ""),
        (HookProvider.GITEA, "x_gitea_event", "create"),
        (HookProvider.GITLAB, "x_gitlab_event", "Merge Request Hook"),
    ],
)
def test_an_event_that_is_no_push_is_ignored_and_its_body_is_not_read(
    provider: HookProvider, header: str, event: str
) -> None:
    assert _read(provider, b"not JSON", **{header: event}).reason == "not_a_push"


def test_tags_of_gitlab_are_pushes() -> None:
    assert _read(HookProvider.GITLAB, _push("refs/tags/v1"), tag="v*", x_gitlab_event="Tag Push Hook").reason is None


def test_a_form_has_the_push_in_its_field_payload() -> None:
    body = urlencode({"payload": orjson.dumps(_push()).decode()}).encode()
    push = _read(HookProvider.GITHUB, body, content_type="application/x-www-form-urlencoded")
    assert (push.ref, push.reason) == ("refs/heads/main", None)


@EVERY_PROVIDER
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"refs/heads/main"',
        b"\xff",
        b"[" * 100_000,
        b'{"ref": 1}',
        b'{"ref": ["refs/heads/main"]}',
        b'{"ref": "' + b"a" * 1025 + b'"}',
    ],
    ids=range(9),
)
def test_a_body_that_is_no_push_is_refused(provider: HookProvider, body: bytes) -> None:
    with pytest.raises(Invalid):
        _read(provider, body)


@pytest.mark.parametrize(
    "sent_at",
    [
        "2026-03-29T09:59:59Z",
        "2026-03-29T10:10:01Z",
        "2026-03-29T10:05:00",
        "now",
        "",
        1774778700,
        None,
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_generic_delivery_of_another_time_is_refused(sent_at: Any) -> None:
    with pytest.raises(Invalid) as refused:
        _read(HookProvider.GENERIC, _push(sent_at=sent_at))
    assert list(refused.value.fields) == ["sent_at"]


@pytest.mark.parametrize("sent_at", ["2026-03-29T10:00:00Z", "2026-03-29T12:05:00+02:00", "2026-03-29T10:09:59.5Z"])
def test_a_generic_delivery_of_the_last_minutes_is_accepted(sent_at: str) -> None:
    assert _read(HookProvider.GENERIC, _push(sent_at=sent_at)).reason is None


@pytest.mark.parametrize("given", [None, "", 1, "x" * 256])
def test_a_generic_delivery_needs_an_id(given: Any) -> None:
    with pytest.raises(Invalid) as refused:
        _read(HookProvider.GENERIC, _push(id=given))
    assert list(refused.value.fields) == ["id"]


def test_a_push_that_github_made_days_ago_is_refused() -> None:
    old = _push(repository={"pushed_at": EPOCH - 3 * 24 * 3600 - 1})
    with pytest.raises(Invalid):
        _read(HookProvider.GITHUB, old)


@pytest.mark.parametrize(
    "repository", [{"pushed_at": EPOCH - 3600}, {"pushed_at": "2011-01-01T00:00:00Z"}, {}, None, [], 1e30]
)
def test_a_recent_push_of_github_or_one_without_a_usable_time_is_accepted(repository: Any) -> None:
    assert _read(HookProvider.GITHUB, _push(repository=repository)).reason is None


@EVERY_PROVIDER
def test_a_repeated_delivery_has_a_digest_that_it_had_before(provider: HookProvider) -> None:
    ids = {"x_github_delivery": "1", "x_gitea_delivery": "1", "x_gitlab_event_uuid": "1"}
    first = _read(provider, _push(), **ids)
    assert set(first.digests) & set(_read(provider, _push(), **ids).digests)
    other = _read(provider, _push(id="2", after="f" * 40), **dict.fromkeys(ids, "2"))
    assert not set(first.digests) & set(other.digests)


@pytest.mark.parametrize("provider", [HookProvider.GITHUB, HookProvider.GITEA])
def test_an_id_that_is_not_signed_cannot_make_a_repeated_body_new(provider: HookProvider) -> None:
    ids = ("x_github_delivery", "x_gitea_delivery")
    first, second = (_read(provider, _push(), **dict.fromkeys(ids, given)) for given in ("1", "2"))
    assert set(first.digests) & set(second.digests)


def test_two_pushes_of_gitlab_with_the_same_body_are_two_deliveries() -> None:
    first, second = (_read(HookProvider.GITLAB, _push(), x_gitlab_event_uuid=given) for given in ("1", "2"))
    assert not set(first.digests) & set(second.digests)


def test_a_pattern_of_many_stars_costs_little() -> None:
    assert (
        _read(HookProvider.GENERIC, _push("refs/heads/" + "a" * 1000), branch="*a" * 127 + "b").reason == "ref_filtered"
    )
