"""Resource usage of services: sampled every ten seconds, kept for three hours, averaged on request."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import TypedDict, Unpack

from domain.errors import BadRequest
from domain.identity.access import Caller
from domain.model.sample import Sample
from domain.ports import Ports
from domain.resources.queries import query
from domain.resources.visibility import get_visible_service
from domain.rollout.reconcile.measuring import FIGURES, measure
from domain.runtime.observation import observe

EVERY = timedelta(seconds=10)
KEPT = timedelta(hours=3)


# Written as a call, since `from` is a keyword of Python.
GetServiceMetricsParameters = TypedDict(
    "GetServiceMetricsParameters", {"from": str, "to": str, "step": int, "latest": bool}, total=False
)


@dataclass(frozen=True)
class ServiceMetrics:
    """Samples, oldest first; each is the average over `step` seconds."""

    service_id: str
    step: int
    samples: tuple[Sample, ...]


def get_service_metrics(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[GetServiceMetricsParameters]
) -> ServiceMetrics:
    """Return averages over steps of `step` seconds, from `from` until before `to`; with `latest`, one measured now."""
    now, step = ports.clock.now(), parameters.get("step", 10)
    asked = query(since=parameters.get("from"), until=parameters.get("to"))
    since, until = asked.since or now - KEPT, asked.until or now + EVERY
    if asked.since and asked.until and since > until:
        raise BadRequest("The time to begin with lies after the one to end with", details="from must not be after to")
    if parameters.get("latest"):
        return ServiceMetrics(service_id, step, _now(ports, caller, service_id))
    with ports.store.read() as work:
        get_visible_service(caller, work, service_id)
        taken = work.samples.between(service_id, since, until)
    return ServiceMetrics(service_id, step, tuple(_average_steps(taken, step)))


def remove_old_samples(ports: Ports) -> int:
    """Remove samples older than three hours and return their number."""
    before = ports.clock.now() - KEPT
    with ports.store.begin() as work:
        return work.samples.remove_before(before)


def _now(ports: Ports, caller: Caller, service_id: str) -> tuple[Sample, ...]:
    running = [
        container.name for container in observe(ports, caller, service_id).containers if container.state == "running"
    ]
    measurement = measure(ports, service_id, running)
    return (measurement.sample,) if measurement else ()


def _average_steps(taken: Sequence[Sample], step: int) -> list[Sample]:
    """Average over whole steps since the epoch, so that equal times are grouped in every request."""
    steps = defaultdict[int, list[Sample]](list)
    for sample in taken:
        steps[int(sample.at.timestamp()) // step * step].append(sample)
    return [_average(datetime.fromtimestamp(begin, UTC), samples) for begin, samples in sorted(steps.items())]


def _average(at: datetime, samples: Sequence[Sample]) -> Sample:
    means = {figure: round(fmean(getattr(sample, figure) for sample in samples), 4) for figure in FIGURES}
    return Sample(samples[0].service_id, at, **means)
