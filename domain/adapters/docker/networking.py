"""Networks with small subnets of our own choice: Docker's default pools are used up after about 30 networks."""

import ipaddress
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from domain.adapters.docker.creating import conflicts, must_be_ours
from domain.ports.runtime import EngineRefused

Subnet = ipaddress.IPv4Network
# 29 containers a network, 2048 networks in a /16.
PREFIX = 27
ATTEMPTS = 20
ROUTES = Path("/proc/net/route")


def create(client: APIClient, subnets: Subnet, name: str, labels: Mapping[str, str], *, internal: bool) -> None:
    """Safe under many processes: who is told that its subnet was just taken looks again."""
    for _ in range(ATTEMPTS):
        if _exists(client, name, labels):
            return
        made = _made(client, _free(client, subnets), name, labels, internal=internal)
        if made and _alone(client, name, made):
            return
    raise EngineRefused(f"No subnet of {subnets} could be had for network {name} in {ATTEMPTS} attempts")


def remove(client: APIClient, name: str) -> None:
    """A container that died badly can leave its endpoint behind, and that would keep the network."""
    for found in _named(client, name):
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
        return  # it left by itself, or the removal that follows says why it cannot


def _named(client: APIClient, name: str) -> list[dict[str, Any]]:
    """The engine's filter takes part of a name too."""
    return [found for found in client.networks(names=[name]) if found["Name"] == name]


def _exists(client: APIClient, name: str, labels: Mapping[str, str]) -> bool:
    found = _named(client, name)
    for each in found:
        must_be_ours(each["Labels"] or {}, labels, name)
    return bool(found)


def _made(client: APIClient, subnet: Subnet, name: str, labels: Mapping[str, str], *, internal: bool) -> str | None:
    """None when somebody else was quicker with this name or this subnet."""
    try:
        made = client.create_network(
            name,
            driver="bridge",
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))]),
            check_duplicate=True,
            internal=internal,
            labels=dict(labels),
        )
    except APIError as refused:
        if conflicts(refused) or "overlap" in (refused.explanation or "").lower():
            return None
        raise
    return str(made["Id"])


def _alone(client: APIClient, name: str, made: str) -> bool:
    """Engines before 25 let two callers make one name at once: whoever sees another's takes his own back."""
    if [each["Id"] for each in _named(client, name)] == [made]:
        return True
    client.remove_network(made)
    time.sleep(random.uniform(0, 0.2))  # noqa: S311 - it spreads, it hides nothing
    return False


def _free(client: APIClient, subnets: Subnet) -> Subnet:
    """Any free one, not the first, so that two callers at once seldom choose alike."""
    used = [*_at_engine(client), *on_host()]
    choices = [each for each in subnets.subnets(new_prefix=max(PREFIX, subnets.prefixlen)) if not _overlaps(each, used)]
    if not choices:
        raise EngineRefused(f"All subnets of {subnets} are in use: networks that nobody needs must go first")
    return random.choice(choices)  # noqa: S311 - it spreads, it hides nothing


def _overlaps(subnet: Subnet, used: list[Subnet]) -> bool:
    return any(subnet.overlaps(each) for each in used)


def _at_engine(client: APIClient) -> Iterator[Subnet]:
    for network in client.networks():
        for config in (network["IPAM"] or {}).get("Config") or ():
            subnet = ipaddress.ip_network(config.get("Subnet") or "0.0.0.0/32", strict=False)
            if isinstance(subnet, Subnet):
                yield subnet


def on_host() -> Iterator[Subnet]:
    """Where this host sends packets already: another engine's networks, a VPN. The default route counts for nothing."""
    for line in ROUTES.read_text().splitlines()[1:] if ROUTES.exists() else ():
        _, destination, _, _, _, _, _, mask = line.split()[:8]
        if int(mask, 16):
            yield Subnet((_address(destination), str(ipaddress.IPv4Address(_address(mask)))))


def _address(word: str) -> int:
    """The kernel writes addresses as a number of this machine, which is little-endian wherever Docker runs."""
    return int.from_bytes(bytes.fromhex(word), "little")
