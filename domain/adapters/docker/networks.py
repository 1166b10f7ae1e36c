"""Creates networks with small subnets: Docker's default address pools are exhausted after about 30 networks."""

import ipaddress
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from domain.adapters.docker.container_config import check_labels, is_conflict
from domain.ports.runtime import EngineRefused

Subnet = ipaddress.IPv4Network
# 29 containers a network, 2048 networks in a /16.
PREFIX = 27
ATTEMPTS = 20
ROUTES = Path("/proc/net/route")


def create(client: APIClient, subnets: Subnet, name: str, labels: Mapping[str, str], *, internal: bool) -> None:
    """Create a network. Another process may take the same subnet or name at the same time: then try again."""
    for _ in range(ATTEMPTS):
        if _exists(client, name, labels):
            return
        network_id = _try_create(client, _free_subnet(client, subnets), name, labels, internal=internal)
        if network_id and _is_unique(client, name, network_id):
            return
    raise EngineRefused(f"Network {name} got no subnet of {subnets} in {ATTEMPTS} attempts. Deploy again")


def remove(client: APIClient, name: str) -> None:
    """Disconnect all containers first: a container that crashed can leave an endpoint, which blocks the removal."""
    for found in _by_name(client, name):
        try:
            for endpoint in (client.inspect_network(found["Id"])["Containers"] or {}).values():
                _disconnect(client, found["Id"], endpoint["Name"])
            client.remove_network(found["Id"])
        except NotFound:
            continue


def _disconnect(client: APIClient, network: str, container: str) -> None:
    try:
        client.disconnect_container_from_network(container, network, force=True)
    except APIError:
        return  # it is disconnected already, or the removal that follows reports the reason


def _by_name(client: APIClient, name: str) -> list[dict[str, Any]]:
    """Return the networks with this name. The engine's filter also matches parts of names."""
    return [found for found in client.networks(names=[name]) if found["Name"] == name]


def _exists(client: APIClient, name: str, labels: Mapping[str, str]) -> bool:
    found = _by_name(client, name)
    for network in found:
        check_labels(network["Labels"] or {}, labels, name)
    return bool(found)


def _try_create(
    client: APIClient, subnet: Subnet, name: str, labels: Mapping[str, str], *, internal: bool
) -> str | None:
    """Return the new network's id, or None if the name or the subnet is in use by now."""
    try:
        made = client.create_network(
            name,
            driver="bridge",
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))]),
            check_duplicate=True,
            internal=internal,
            labels=dict(labels),
        )
    except APIError as error:
        if is_conflict(error) or "overlap" in (error.explanation or "").lower():
            return None
        raise
    return str(made["Id"])


def _is_unique(client: APIClient, name: str, network_id: str) -> bool:
    """Remove the network again if there is another one with its name: engines before 25 allow two at once."""
    if [network["Id"] for network in _by_name(client, name)] == [network_id]:
        return True
    client.remove_network(network_id)
    time.sleep(random.uniform(0, 0.2))  # noqa: S311 - not used for security
    return False


def _free_subnet(client: APIClient, subnets: Subnet) -> Subnet:
    """Choose a free subnet at random, so that processes that do this at the same time rarely choose the same one."""
    used = [*_engine_subnets(client), *host_subnets()]
    candidates = subnets.subnets(new_prefix=max(PREFIX, subnets.prefixlen))
    free = [subnet for subnet in candidates if not _overlaps(subnet, used)]
    if not free:
        raise EngineRefused(f"All subnets of {subnets} are in use. Remove networks: docker network prune")
    return random.choice(free)  # noqa: S311 - not used for security


def _overlaps(subnet: Subnet, used: list[Subnet]) -> bool:
    return any(subnet.overlaps(other) for other in used)


def _engine_subnets(client: APIClient) -> Iterator[Subnet]:
    for network in client.networks():
        for config in (network["IPAM"] or {}).get("Config") or ():
            subnet = ipaddress.ip_network(config.get("Subnet") or "0.0.0.0/32", strict=False)
            if isinstance(subnet, Subnet):
                yield subnet


def host_subnets() -> Iterator[Subnet]:
    """Yield the subnets in this host's routing table, such as those of a VPN, without the default route."""
    for line in ROUTES.read_text().splitlines()[1:] if ROUTES.exists() else ():
        _, destination, _, _, _, _, _, mask = line.split()[:8]
        if int(mask, 16):
            yield Subnet((_address(destination), str(ipaddress.IPv4Address(_address(mask)))))


def _address(word: str) -> int:
    """Convert an address from the kernel's byte order, which is little-endian wherever Docker runs."""
    return int.from_bytes(bytes.fromhex(word), "little")
