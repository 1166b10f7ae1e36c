"""What services do right now: their lines, their figures, their containers."""

from domain.model.sample import Sample
from domain.ports.runtime import Stats
from domain.runtime import ServiceContainer, ServiceLine, ServiceLog, ServiceMetrics
from handlers.serializers.values import Json, moment


def service_log_line(one: ServiceLine) -> Json:
    return {
        "at": moment(one.at),
        "container": one.container,
        "component": one.component,
        "stream": one.stream,
        "text": one.text,
    }


def service_log(one: ServiceLog) -> Json:
    return {"data": [service_log_line(line) for line in one.lines], "truncated": one.truncated}


def _figures(one: Sample | Stats) -> Json:
    return {
        "cpu_usage": one.cpu,
        "memory_usage_mb": one.memory_mb,
        "network_rx_bytes_per_second": one.network_rx,
        "network_tx_bytes_per_second": one.network_tx,
        "block_read_bytes_per_second": one.block_read,
        "block_write_bytes_per_second": one.block_write,
    }


def sample(one: Sample) -> Json:
    return {"at": moment(one.at), **_figures(one)}


def service_metrics(one: ServiceMetrics) -> Json:
    return {"service_id": one.service_id, "step": one.step, "data": [sample(each) for each in one.samples]}


def container_stats(one: Stats | None) -> Json | None:
    return {**_figures(one), "memory_limit_mb": one.memory_limit_mb} if one else None


def service_container(one: ServiceContainer) -> Json:
    seen = one.container
    return {
        "name": seen.name,
        "component": one.component,
        "deployment_id": one.deployment_id,
        "image": one.image,
        "state": seen.state,
        "health": seen.health,
        "exit_code": seen.exit_code,
        "restarts": seen.restarts,
        "started_at": moment(seen.started_at),
        "stats": container_stats(one.stats),
    }
