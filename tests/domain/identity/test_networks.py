"""Addresses and networks, whichever way somebody writes them."""

import re

import pytest

from domain.identity import networks


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::1/128", "::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::/0", "::/0"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_networks_are_normalized(text: str, normal: str):
    assert networks.normalize(text) == normal
    assert networks.normalize(normal) == normal


@pytest.mark.parametrize(
    "text",
    ["10", "010.0.0.1", "1.2.3.4/33", "fe80::1%eth0", "example.com", " 192.0.2.7", "0x7f.1", "1.2.3", "::1/129", "*"],
)
def test_an_invalid_network_is_refused_by_name(text: str):
    with pytest.raises(ValueError, match="^" + re.escape(text)):
        networks.normalize(text)


def test_an_address_within_a_network_is_never_widened():
    with pytest.raises(ValueError, match=r"write 10\.0\.0\.0/8 or 10\.1\.2\.3$"):
        networks.normalize("10.1.2.3/8")


@pytest.mark.parametrize(
    ("inner", "outer", "answer"),
    [
        ((), (), True),
        (("10.0.0.0/8",), (), True),
        ((), ("10.0.0.0/8",), False),
        (("10.1.0.0/16",), ("10.0.0.0/8",), True),
        (("10.0.0.0/8",), ("10.1.0.0/16",), False),
        (("10.0.0.0/8", "::1"), ("10.0.0.0/8",), False),
        (("10.0.0.0/8",), ("10.0.0.0/9", "10.128.0.0/9"), True),
        (("0.0.0.0/0",), ("::/0",), False),
        (("::/0", "0.0.0.0/0"), ("0.0.0.0/0", "::/0"), True),
    ],
)
def test_a_network_within_another_admits_no_other_address(inner: tuple[str, ...], outer: tuple[str, ...], answer: bool):
    assert networks.is_within(inner, outer) is answer
