"""Logs, metrics and containers of services, and commands in containers."""

from domain.runtime.containers import ListServiceContainersParameters, ServiceContainer, list_service_containers
from domain.runtime.exec import ExecRequest, ExecResult, exec_in_service
from domain.runtime.following import follow_service_logs, tail_service_logs
from domain.runtime.lines import ServiceLine
from domain.runtime.logs import GetServiceLogsParameters, ServiceLog, get_service_logs
from domain.runtime.metrics import (
    GetServiceMetricsParameters,
    ServiceMetrics,
    get_service_metrics,
)

__all__ = [
    "ExecRequest",
    "ExecResult",
    "GetServiceLogsParameters",
    "GetServiceMetricsParameters",
    "ListServiceContainersParameters",
    "ServiceContainer",
    "ServiceLine",
    "ServiceLog",
    "ServiceMetrics",
    "exec_in_service",
    "follow_service_logs",
    "get_service_logs",
    "get_service_metrics",
    "list_service_containers",
    "tail_service_logs",
]
