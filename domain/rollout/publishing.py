"""Ports of the host for ports of components: chosen outside of a transaction, reserved inside of it."""

from dataclasses import replace

from domain.definitions.checked import CheckedDefinition
from domain.definitions.in_use import definitions_in_use
from domain.model.published_port import PublishedPort
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources import revisions


def choose_host_ports(ports: Ports, service_id: str | None, checked: CheckedDefinition) -> CheckedDefinition:
    """Return the definition with a port of the host for each port that it publishes.

    A port keeps the one that it has, unless another service has reserved it meanwhile. Raise RouteFailed if
    PANEL_SERVICE_PORTS has no free port.
    """
    definition = checked.definition
    if not definition.publish:
        return checked
    with ports.store.read() as work:
        reserved = work.published_ports.all()
    others = {(each.protocol, each.host_port) for each in reserved if each.service_id != service_id}
    taken = {(each.protocol, each.host_port) for each in reserved}
    chosen: list[PublishedPort] = []
    for port in definition.publish:
        if not port.host_port or port.host_key in others:
            used = {number for protocol, number in taken if protocol == port.protocol}
            port = replace(port, host_port=ports.router.find_free_port(port.protocol, used))  # noqa: PLW2901
        taken.add(port.host_key)
        chosen.append(port)
    return replace(checked, definition=replace(definition, publish=tuple(chosen)))


def reserve_host_ports(work: Work, service: Service) -> None:
    """Reserve the ports of the host that the service's definition has, and release those that nothing uses.

    Raise ChangedMeanwhileError if another service was faster.
    """
    wanted = {port.host_key for port in service.definition.publish}
    if not work.published_ports.reserve(service.id, wanted):
        raise revisions.ChangedMeanwhileError
    release_host_ports(work, service)


def release_host_ports(work: Work, service: Service) -> None:
    """Release the ports of the host that no definition in use has."""
    reserved = work.published_ports.of(service.id)
    if reserved:
        used = {port.host_key for each in definitions_in_use(work, service) for port in each.publish}
        work.published_ports.release(service.id, reserved - used)
