"""In-memory adapters: they keep the promises of their ports without any server."""

from domain.adapters.memory.clock import Clock
from domain.adapters.memory.containers import LITTLE, Behaviour
from domain.adapters.memory.router import Router
from domain.adapters.memory.runtime import Runtime

__all__ = ["LITTLE", "Behaviour", "Clock", "Router", "Runtime"]
