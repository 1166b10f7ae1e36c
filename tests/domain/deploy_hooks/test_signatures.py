"""The credentials of each provider, with the values that their documentation gives."""

import hashlib
import hmac

import pytest

from domain.deploy_hooks.signatures import is_authentic
from domain.model.deploy_hook import HookProvider

SECRET, BODY = "It's a Secret to Everybody", b"Hello, World!"
SIGNATURE = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""GitHub's documentation gives this signature to try an implementation with."""
GOOD = [
    (HookProvider.GITHUB, "x-hub-signature-256", f"sha256={SIGNATURE}"),
    (HookProvider.GENERIC, "x-hub-signature-256", f"sha256={SIGNATURE}"),
    (HookProvider.GITEA, "x-gitea-signature", SIGNATURE),
    (HookProvider.GITLAB, "x-gitlab-token", SECRET),
]
EVERY_PROVIDER = pytest.mark.parametrize(("provider", "name", "value"), GOOD, ids=[provider for provider, *_ in GOOD])


def _is_authentic(provider: HookProvider, body: bytes = BODY, **headers: str) -> bool:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return is_authentic(provider, SECRET, body, lambda name: given.get(name, ""))


@EVERY_PROVIDER
def test_the_documented_credential_is_accepted(provider: HookProvider, name: str, value: str) -> None:
    assert _is_authentic(provider, **{name: value})


@EVERY_PROVIDER
def test_any_other_credential_is_refused(provider: HookProvider, name: str, value: str) -> None:
    sha1 = hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()
    for wrong in (
        "",
        "sha256=",
        value[:-1],
        value + "0",
        f" {value}",
        f"{value}, {value}",
        f"sha1={sha1}",
        f"sha256={value}",
        value.replace("sha256=", "SHA256="),
        "\N{SNOWMAN}" * 64,
    ):
        assert wrong == value or not _is_authentic(provider, **{name: wrong}), wrong
    assert not _is_authentic(provider)


@EVERY_PROVIDER
def test_the_credential_of_another_provider_is_refused(provider: HookProvider, name: str, value: str) -> None:
    others = {other: given for other_provider, other, given in GOOD if other != name}
    assert not _is_authentic(provider, **others)


@pytest.mark.parametrize(("provider", "name", "value"), GOOD[:3], ids=[provider for provider, *_ in GOOD[:3]])
def test_one_changed_byte_of_the_body_is_refused(provider: HookProvider, name: str, value: str) -> None:
    for other in (b"Hello, World", b"Hello, World! ", b"hello, World!", b"Hello, World!\n", b""):
        assert not _is_authentic(provider, other, **{name: value})
