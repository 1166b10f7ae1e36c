"""Samples: measurements of what services use."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Sample:
    """One measurement of a service: cores, MB, and bytes per second since the sample before."""

    service_id: str
    at: datetime
    cpu: float
    memory_mb: float
    network_rx: float = 0.0
    network_tx: float = 0.0
    block_read: float = 0.0
    block_write: float = 0.0
