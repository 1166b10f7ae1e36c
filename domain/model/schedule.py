"""Schedules: jobs that recur, and when each is due next."""

from dataclasses import dataclass
from datetime import datetime

EXPIRE_SUBSCRIPTIONS = "expire_subscriptions"
"""The job that expires subscriptions, which transactions that set an expiry bring forward."""


@dataclass
class Schedule:
    """A recurring job. Its row says when it is due; a lease says which worker runs it, and until when.

    `every` is the distance between two runs in seconds. `last_error` is None after a run that succeeded.
    """

    name: str
    every: float
    next_at: datetime
    last_run_at: datetime | None = None
    last_error: str | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = None
