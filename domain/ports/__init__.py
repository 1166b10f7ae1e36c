"""What the rules ask of the world, as Protocols; `domain.adapters` holds who answers.

Every method may raise `errors.Unavailable` when the part behind it is away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.ports.runtime import (
    Container,
    ContainerSpec,
    Engine,
    EngineRefused,
    Image,
    ImageMissing,
    Layers,
    OutputLine,
    Point,
    Pulling,
    Runtime,
    Stats,
)
from domain.ports.store import (
    ApiKeys,
    Claim,
    Deployments,
    Operations,
    Page,
    Query,
    Repository,
    Samples,
    Services,
    Sessions,
    Store,
    Tickets,
    Work,
)
from domain.ports.world import (
    Budget,
    Clock,
    Counter,
    Feed,
    Router,
    Target,
    Vault,
)
from domain.settings import Settings

__all__ = [
    "ApiKeys",
    "Budget",
    "Claim",
    "Clock",
    "Container",
    "ContainerSpec",
    "Counter",
    "Deployments",
    "Engine",
    "EngineRefused",
    "Feed",
    "Image",
    "ImageMissing",
    "Layers",
    "Operations",
    "OutputLine",
    "Page",
    "Point",
    "Ports",
    "Pulling",
    "Query",
    "Repository",
    "Router",
    "Runtime",
    "Samples",
    "Services",
    "Sessions",
    "Stats",
    "Store",
    "Target",
    "Tickets",
    "Vault",
    "Work",
]


@dataclass(frozen=True)
class Ports:
    """Everything that a rule may reach."""

    settings: Settings
    store: Store
    runtime: Runtime
    router: Router
    counter: Counter
    vault: Vault
    clock: Clock
    feed: Feed
    instance: str
    """This installation's id, by which its containers are told from another panel's on the same engine."""
    openings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Permission → the operations that it opens, as the document says."""
