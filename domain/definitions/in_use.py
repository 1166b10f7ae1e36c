"""The definitions of a service that its containers, or those of its next deployments, are made from."""

from domain.model.definition import Definition
from domain.model.service import Service
from domain.ports.store import Work


def definitions_in_use(work: Work, service: Service) -> list[Definition]:
    """Return the definitions of the service, of its unfinished deployments, and of the live one and that before it.

    The version before the live one counts while it may come back by itself.
    """
    queued = [operation.deployment_id for operation in work.operations.unfinished(service.id)]
    previous = service.watch.previous_id if service.watch else None
    ids = {deployment_id for deployment_id in (*queued, service.live_deployment_id, previous) if deployment_id}
    deployments = work.deployments.get_many(ids).values()
    return [service.definition, *(deployment.definition for deployment in deployments)]
