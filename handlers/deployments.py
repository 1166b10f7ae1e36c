"""Handlers of the tag `deployments`."""

from collections.abc import Callable
from functools import partial
from typing import Unpack

from domain import deployments
from domain.deployments.deploy import DeployRequest, RollbackRequest, ScaleRequest
from domain.deployments.history import ListDeploymentsParameters
from domain.deployments.operate import StopRequest
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers, streams
from handlers.openapi31 import Answer
from handlers.serializers import deployments as serialize
from handlers.serializers.operations import operation as serialize_operation
from handlers.streams import OpenStreams
from handlers.waiting import wait_until_finished


def deploy_service(
    ports: Ports, caller: Caller, service_id: str, body: DeployRequest | None = None, dry_run: bool = False
) -> Answer:
    """POST /services/{service_id}/deploy"""
    return answers.accepted(
        deployments.deploy_service(ports, caller, service_id, body, dry_run=dry_run), serialize.deployment
    )


def start_service(ports: Ports, caller: Caller, service_id: str, dry_run: bool = False) -> Answer:
    """POST /services/{service_id}/start"""
    return answers.accepted(deployments.start_service(ports, caller, service_id, dry_run=dry_run), serialize_operation)


def stop_service(
    ports: Ports, caller: Caller, service_id: str, body: StopRequest | None = None, dry_run: bool = False
) -> Answer:
    """POST /services/{service_id}/stop"""
    return answers.accepted(
        deployments.stop_service(ports, caller, service_id, body, dry_run=dry_run), serialize_operation
    )


def restart_service(ports: Ports, caller: Caller, service_id: str, dry_run: bool = False) -> Answer:
    """POST /services/{service_id}/restart"""
    return answers.accepted(
        deployments.restart_service(ports, caller, service_id, dry_run=dry_run), serialize_operation
    )


def scale_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: ScaleRequest,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """PUT /services/{service_id}/scale"""
    return answers.accepted(
        deployments.scale_service(ports, caller, service_id, body, if_match=if_match, dry_run=dry_run),
        serialize_operation,
    )


def rollback_service(
    ports: Ports, caller: Caller, service_id: str, body: RollbackRequest | None = None, dry_run: bool = False
) -> Answer:
    """POST /services/{service_id}/rollback"""
    return answers.accepted(
        deployments.rollback_service(ports, caller, service_id, body, dry_run=dry_run), serialize.deployment
    )


def list_deployments(ports: Ports, caller: Caller, **parameters: Unpack[ListDeploymentsParameters]) -> Answer:
    """GET /deployments"""
    return answers.page(deployments.list_deployments(ports, caller, **parameters), serialize.deployment_summary)


async def get_deployment(ports: Ports, caller: Caller, deployment_id: str, wait: int = 0) -> Answer:
    """GET /deployments/{deployment_id}"""
    return answers.ok(
        await wait_until_finished(ports, wait, lambda: deployments.get_deployment(ports, caller, deployment_id)),
        serialize.deployment,
    )


def cancel_deployment(ports: Ports, caller: Caller, deployment_id: str) -> Answer:
    """POST /deployments/{deployment_id}/cancel"""
    return answers.accepted(deployments.cancel_deployment(ports, caller, deployment_id), serialize.deployment)


def get_deployment_logs(  # noqa: PLR0913
    ports: Ports,
    caller: Caller,
    deployment_id: str,
    *,
    accept: str,
    revalidate: Callable[[], None],
    open_streams: OpenStreams,
    after: int = 0,
    limit: int = 200,
    last_event_id: str | None = None,
) -> Answer:
    """GET /deployments/{deployment_id}/logs"""
    return streams.log(
        ports,
        accept,
        revalidate,
        lambda start: deployments.get_deployment_logs(ports, caller, deployment_id, after=start, limit=limit),
        after if last_event_id is None else int(last_event_id),
        open_stream=partial(open_streams.open, caller),
    )
