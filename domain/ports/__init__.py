"""The interfaces of the rules to the outside, as Protocols. `domain.adapters` implements them.

Every method may raise `errors.Unavailable` if what is behind it does not answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.ports.certificates import Certificates
from domain.ports.clock import Clock
from domain.ports.counter import Counter
from domain.ports.dns import Dns
from domain.ports.edge import Edge
from domain.ports.git import Git
from domain.ports.identity_provider import IdentityProvider
from domain.ports.mailer import Mailer
from domain.ports.notifier import Notifier
from domain.ports.prober import Prober
from domain.ports.registry_prober import RegistryProber
from domain.ports.resolver import Resolver
from domain.ports.router import Router
from domain.ports.runtime import Runtime
from domain.ports.store import Store
from domain.ports.vault import Vault
from domain.ports.web_reader import WebReader
from domain.settings import Settings

__all__ = [
    "Certificates",
    "Clock",
    "Counter",
    "Dns",
    "Edge",
    "Git",
    "IdentityProvider",
    "Mailer",
    "Notifier",
    "Ports",
    "Prober",
    "RegistryProber",
    "Resolver",
    "Router",
    "Runtime",
    "Store",
    "Vault",
    "WebReader",
]


@dataclass(frozen=True)
class Ports:
    """Everything that a rule may reach."""

    settings: Settings
    store: Store
    runtime: Runtime
    prober: Prober
    resolver: Resolver
    registry_prober: RegistryProber
    dns: Dns
    web_reader: WebReader
    router: Router
    git: Git
    counter: Counter
    vault: Vault
    certificates: Certificates
    clock: Clock
    notifier: Notifier
    instance: str
    """This installation's id, which labels its containers: other panels may use the same engine."""
    edge: Edge | None = None
    """The reverse proxy for custom domains; None if none is configured."""
    identity_provider: IdentityProvider | None = None
    """Where people log in; None if none is configured."""
    mailer: Mailer | None = None
    """The mail server; None if none is configured."""
    operations_by_permission: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Permission → the operations that need it, from the document."""
