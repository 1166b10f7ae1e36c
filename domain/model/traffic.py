"""Traffic: what customers' containers receive and send, by month in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class TrafficReading:
    """What the engine has counted for a container when it was last asked: bytes since the container's start."""

    container: str
    service_id: str
    customer_id: str
    started_at: datetime
    at: datetime
    bytes: int


@dataclass(frozen=True)
class MonthlyTraffic:
    """The bytes that the containers of a customer have received and sent in a month, such as `2026-03`."""

    customer_id: str
    month: str
    bytes: int


def month_of(at: datetime) -> str:
    """Return the month of a time, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m")


def new_bytes(before: TrafficReading | None, now: TrafficReading) -> int:
    """Return what a reading adds to the one before. The engine counts from 0 after each start of a container."""
    if before is None or before.started_at < now.started_at:
        return now.bytes
    return max(0, now.bytes - before.bytes) if before.started_at == now.started_at else 0
