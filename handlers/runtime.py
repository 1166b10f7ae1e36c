"""Handlers of the tag `runtime`: the logs, metrics and containers of a service, and commands in them."""

from collections.abc import Callable
from functools import partial
from typing import Unpack

from domain import runtime
from domain.identity.access import Caller
from domain.ports import Ports
from handlers import answers, streams
from handlers.edge.running_commands import RunningCommands
from handlers.openapi31 import Answer
from handlers.serializers import runtime as serialize
from handlers.streams import OpenStreams


def get_service_logs(  # noqa: PLR0913
    ports: Ports,
    caller: Caller,
    service_id: str,
    *,
    revalidate: Callable[[], None],
    open_streams: OpenStreams,
    follow: bool = False,
    last_event_id: str | None = None,
    **parameters: Unpack[runtime.GetServiceLogsParameters],
) -> Answer:
    """GET /services/{service_id}/logs"""
    batches = partial(runtime.tail_service_logs, ports, caller, service_id, last_event_id=last_event_id, **parameters)
    page = partial(runtime.get_service_logs, ports, caller, service_id, **parameters)
    stream = partial(streams.service_log, open_streams, caller, revalidate, batches)
    return stream() if follow else answers.ok(page(), serialize.service_log)


def get_service_metrics(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[runtime.GetServiceMetricsParameters]
) -> Answer:
    """GET /services/{service_id}/metrics"""
    return answers.ok(runtime.get_service_metrics(ports, caller, service_id, **parameters), serialize.service_metrics)


def list_service_containers(
    ports: Ports, caller: Caller, service_id: str, **parameters: Unpack[runtime.ListServiceContainersParameters]
) -> Answer:
    """GET /services/{service_id}/containers"""
    return answers.page(
        runtime.list_service_containers(ports, caller, service_id, **parameters), serialize.service_container
    )


async def exec_in_service(
    ports: Ports, caller: Caller, service_id: str, body: runtime.ExecRequest, *, running_commands: RunningCommands
) -> Answer:
    """POST /services/{service_id}/exec"""
    run = partial(runtime.exec_in_service, ports, caller, service_id, body)
    return answers.ok(await running_commands.run(caller, run), serialize.exec_result)
