"""Demands: what a service counts against quotas."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Demand:
    """The limits of all containers of a service together, in cores and MiB, and the disk space of its volumes."""

    cpu: float = 0.0
    memory_mb: int = 0
    storage_mb: int = 0

    def maximum(self, other: "Demand | None") -> "Demand":
        """Return the greater of each figure."""
        if other is None:
            return self
        return Demand(
            max(self.cpu, other.cpu), max(self.memory_mb, other.memory_mb), max(self.storage_mb, other.storage_mb)
        )
