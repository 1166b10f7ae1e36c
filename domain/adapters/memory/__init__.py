"""In-memory adapters: they implement their ports completely, without any server."""

from domain.adapters.memory.clock import Clock
from domain.adapters.memory.containers import DEFAULT_STATS, Behaviour
from domain.adapters.memory.dns import Dns
from domain.adapters.memory.edge import Edge
from domain.adapters.memory.git import FakeRepository, Git, Link
from domain.adapters.memory.identity_provider import IdentityProvider
from domain.adapters.memory.mailer import Mailer
from domain.adapters.memory.prober import Prober
from domain.adapters.memory.registry_prober import RegistryProber
from domain.adapters.memory.resolver import Resolver
from domain.adapters.memory.router import Router
from domain.adapters.memory.runtime import Runtime
from domain.adapters.memory.web_reader import WebReader

__all__ = [
    "DEFAULT_STATS",
    "Behaviour",
    "Clock",
    "Dns",
    "Edge",
    "FakeRepository",
    "Git",
    "IdentityProvider",
    "Link",
    "Mailer",
    "Prober",
    "RegistryProber",
    "Resolver",
    "Router",
    "Runtime",
    "WebReader",
]
