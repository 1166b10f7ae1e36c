"""The recurring jobs of an installation."""

import logging
from datetime import timedelta

from domain import events
from domain.identity import expiry
from domain.model.schedule import EXPIRE_SUBSCRIPTIONS
from domain.ports import Ports
from domain.rollout import history
from domain.rollout.reconcile.built_images import remove_unneeded_images
from domain.rollout.reconcile.garbage_collection import collect_garbage
from domain.rollout.reconcile.volume_sizes import measure_volumes
from domain.runtime import metrics
from domain.subscriptions.status import expire_due
from domain.work.schedules import Job

_log = logging.getLogger(__name__)


def _collect_garbage(ports: Ports) -> None:
    for name in collect_garbage(ports):
        _log.info("removed %s, which nothing claims", name)


JOBS = (
    Job("remove_old_events", timedelta(minutes=1), events.remove_old),
    Job("compress_old_events", timedelta(minutes=1), events.compress_old),
    Job("remove_old_samples", timedelta(minutes=1), metrics.remove_old_samples),
    Job("remove_old_deployments", timedelta(minutes=1), history.remove_old_deployments),
    Job("remove_old_operations", timedelta(minutes=10), history.remove_old_operations),
    Job("release_space", timedelta(minutes=1), lambda ports: ports.store.release_space()),
    Job("remove_expired_credentials", timedelta(minutes=1), expiry.remove_expired),
    Job(EXPIRE_SUBSCRIPTIONS, timedelta(hours=1), expire_due, due_at=lambda work: work.subscriptions.next_expiry()),
    Job("measure_volumes", timedelta(minutes=5), measure_volumes),
    Job("collect_garbage", timedelta(seconds=30), _collect_garbage),
    Job("remove_unneeded_images", timedelta(minutes=10), remove_unneeded_images),
)
