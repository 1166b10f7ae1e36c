"""Which hosts callers may make the engine connect to."""

from dataclasses import replace

import pytest

from domain.adapters import memory, sockets
from domain.ports import Ports
from domain.resources.outbound import refused_address

INSIDE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.17.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "localhost",
    "LOCALHOST",
]
NAMED = [
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "::ffff:10.0.0.1",
    "2002:7f00:0001::1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "ff02::1",
]


@pytest.mark.parametrize("host", INSIDE)
def test_a_host_of_the_inside_is_refused_in_every_notation(ports: Ports, host: str):
    assert refused_address(ports, host)


@pytest.mark.parametrize("address", [*INSIDE[:1], *NAMED])
def test_a_name_is_judged_by_its_addresses_of_which_one_suffices(ports: Ports, address: str):
    resolver = memory.Resolver({"registry.example.com": ("8.8.8.8", address)})
    assert refused_address(replace(ports, resolver=resolver), "registry.example.com") == address


@pytest.mark.parametrize("host", ["8.8.8.8", "registry.example.com"])
def test_a_host_of_the_internet_is_allowed(ports: Ports, host: str):
    assert refused_address(ports, host) is None


def test_the_addresses_of_the_panel_itself_are_refused(ports: Ports):
    resolver = memory.Resolver({"panel.example.com": ("1.2.3.4",), "other.example.com": ("1.2.3.4",)})
    settings = replace(ports.settings, public_url="https://panel.example.com/")
    guarded = replace(ports, resolver=resolver, settings=settings)
    assert refused_address(guarded, "1.2.3.4") == "1.2.3.4"
    assert refused_address(guarded, "other.example.com") == "1.2.3.4"
    assert refused_address(guarded, "1.2.3.5") is None


def test_an_allowed_network_opens_its_own_addresses_only(ports: Ports):
    opened = replace(ports, settings=replace(ports.settings, allowed_networks=("10.0.0.0/8", "::1/128")))
    assert refused_address(opened, "10.9.9.9") is None
    assert refused_address(opened, "127.0.0.1") == "127.0.0.1"
    both = memory.Resolver({"registry.lan": ("10.1.1.1", "192.168.0.1")})
    assert refused_address(replace(opened, resolver=both), "registry.lan") == "192.168.0.1"
    mapped = memory.Resolver({"registry.lan": ("::ffff:10.1.1.1",)})
    assert refused_address(replace(opened, resolver=mapped), "registry.lan") is None


@pytest.mark.parametrize(
    ("host", "address"), [("127.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("2130706433", "127.0.0.1")]
)
def test_the_resolver_of_the_system_reads_names_and_all_notations(host: str, address: str):
    assert address in sockets.Resolver().addresses(host)


@pytest.mark.parametrize("host", ["", "..", "a" * 64 + ".example", "name.invalid."])
def test_what_is_no_host_has_no_addresses(host: str, monkeypatch: pytest.MonkeyPatch):
    if host.endswith("."):
        monkeypatch.setattr("socket.getaddrinfo", _fails)
    assert sockets.Resolver().addresses(host) == [] or host == ""


def _fails(*_: object, **__: object) -> None:
    raise OSError


def test_the_addresses_of_this_machine_are_known():
    resolver = sockets.Resolver()
    assert resolver.is_local("127.0.0.1")
    assert not resolver.is_local("8.8.8.8")
