"""What the containers of a service use."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.model.sample import Sample
from domain.ports import Ports

FIGURES = ("cpu", "memory_mb", "network_rx", "network_tx", "block_read", "block_write")
"""The figures of a sample and of a container's stats, which have the same names and units."""


class Measurement(NamedTuple):
    """What a service uses, and the bytes that each of its containers has received and sent since its start."""

    sample: Sample
    network: Mapping[str, int]


def measure(ports: Ports, service_id: str, names: Sequence[str], *, over: float = 0.0) -> Measurement | None:
    """Return what these containers of a service use; None if none of them runs.

    Rates are over the last moment, or over `over` seconds as far as the engine was asked then.
    """
    stats = ports.runtime.stats(names, over=over)
    sums = {figure: round(sum(getattr(each, figure) for each in stats.values()), 4) for figure in FIGURES}
    network = {name: each.network_total for name, each in stats.items()}
    return Measurement(Sample(service_id, ports.clock.now(), **sums), network) if stats else None
