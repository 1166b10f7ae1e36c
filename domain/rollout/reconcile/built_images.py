"""Removing images that were built from git and that no deployment needs any more."""

import logging
from collections.abc import Mapping

from domain.ports import Ports
from domain.ports.runtime import EngineRefused
from domain.ports.store import Work
from domain.rollout.release import DEPLOYMENT, INSTANCE, SERVICE

_log = logging.getLogger(__name__)


def remove_unneeded_images(ports: Ports) -> None:
    """Remove built images of services that are gone, and those to which no deployment can be rolled back.

    The engine is asked before the database: while a service has an unfinished operation, all of its images stay.
    """
    images = ports.runtime.built_images({INSTANCE: ports.instance})
    with ports.store.read() as work:
        unneeded = [digest for digest, labels in images.items() if not _is_needed(work, digest, labels)]
    for digest in unneeded:
        try:
            ports.runtime.remove_image(digest)
        except EngineRefused as refused:  # a container that garbage collection has not removed yet uses it
            _log.warning("could not remove the image %s: %s", digest, refused)
        else:
            _log.info("removed the image %s, which no deployment needs", digest)


def _is_needed(work: Work, digest: str, labels: Mapping[str, str]) -> bool:
    if SERVICE not in labels or DEPLOYMENT not in labels:
        return True
    service = work.services.get(labels[SERVICE])
    if service is None:
        return False
    return bool(work.operations.unfinished(service.id)) or digest in work.deployments.succeeded_images(service.id)
