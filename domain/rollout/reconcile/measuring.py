"""What the containers of a service use."""

from collections.abc import Sequence

from domain.model.sample import Sample
from domain.ports import Ports

FIGURES = ("cpu", "memory_mb", "network_rx", "network_tx", "block_read", "block_write")
"""The figures of a sample and of a container's stats, which have the same names and units."""


def measure(ports: Ports, service_id: str, names: Sequence[str], *, over: float = 0.0) -> Sample | None:
    """Return what these containers of a service use together; None if none of them runs.

    Rates are over the last moment, or over `over` seconds as far as the engine was asked then.
    """
    stats = ports.runtime.stats(names, over=over).values()
    sums = {figure: round(sum(getattr(container, figure) for container in stats), 4) for figure in FIGURES}
    return Sample(service_id, ports.clock.now(), **sums) if stats else None
