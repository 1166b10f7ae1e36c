"""The JSON of a service's logs, metrics and containers, and of commands in them."""

from domain.model.sample import Sample
from domain.ports.runtime import Stats
from domain.runtime import ExecResult, ServiceContainer, ServiceLine, ServiceLog, ServiceMetrics
from handlers.serializers.values import Json, timestamp


def service_log_line(line: ServiceLine) -> Json:
    return {
        "at": timestamp(line.at),
        "container": line.container,
        "component": line.component,
        "stream": line.stream,
        "text": line.text,
    }


def service_log(log: ServiceLog) -> Json:
    return {"data": [service_log_line(line) for line in log.lines], "truncated": log.truncated}


def _usage(measured: Sample | Stats) -> Json:
    return {
        "cpu_usage": measured.cpu,
        "memory_usage_mb": measured.memory_mb,
        "network_rx_bytes_per_second": measured.network_rx,
        "network_tx_bytes_per_second": measured.network_tx,
        "block_read_bytes_per_second": measured.block_read,
        "block_write_bytes_per_second": measured.block_write,
    }


def sample(measured: Sample) -> Json:
    return {"at": timestamp(measured.at), **_usage(measured)}


def service_metrics(metrics: ServiceMetrics) -> Json:
    return {
        "service_id": metrics.service_id,
        "step": metrics.step,
        "data": [sample(measured) for measured in metrics.samples],
    }


def container_stats(measured: Stats | None) -> Json | None:
    return {**_usage(measured), "memory_limit_mb": measured.memory_limit_mb} if measured else None


def service_container(result: ServiceContainer) -> Json:
    container = result.container
    return {
        "name": container.name,
        "component": result.component,
        "deployment_id": result.deployment_id,
        "image": result.image,
        "state": container.state,
        "health": container.health,
        "exit_code": container.exit_code,
        "restarts": container.restarts,
        "started_at": timestamp(container.started_at),
        "stats": container_stats(result.stats),
    }


def exec_result(result: ExecResult) -> Json:
    return {
        "container": result.container,
        "exit_code": result.exit_code,
        "timed_out": result.exit_code is None,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "truncated": result.truncated,
    }
