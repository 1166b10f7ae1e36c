"""Deploy hooks: URLs that Git servers and pipelines call to deploy a service."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.hidden import HIDDEN


class HookProvider(StrEnum):
    """How deliveries are signed."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    GENERIC = "generic"


class HookResult(StrEnum):
    """What a delivery did."""

    DEPLOYED = "deployed"
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass(frozen=True)
class HookDelivery:
    """A delivery with a valid signature. `reason` says why nothing was deployed; for a refused one it is an error code.

    `ref` is the branch or tag that was pushed, such as `refs/heads/main`.
    """

    at: datetime
    result: HookResult
    ref: str | None = None
    reason: str | None = None
    deployment_id: str | None = None


@dataclass
class DeployHook:
    """A URL that deploys one service. `secret`, the key of the signatures, is encrypted.

    With `branch` or `tag`, only pushes of a matching branch or tag deploy; `*` stands for any characters.
    """

    id: str
    service_id: str
    name: str
    provider: HookProvider
    secret: str = field(metadata=HIDDEN)
    created_at: datetime
    customer_id: str | None = None
    branch: str | None = None
    tag: str | None = None
    last_delivery: HookDelivery | None = None
    revision: int = 1


@dataclass(frozen=True)
class SeenDelivery:
    """The digest of a delivery's ID or body, by which its repetition is recognized."""

    hook_id: str
    digest: str
    received_at: datetime
