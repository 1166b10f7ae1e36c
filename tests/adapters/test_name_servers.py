"""The DNS, asked at a name server of the test's own."""

from collections.abc import Iterator

import pytest
from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, TXT, A, DNSRecord
from dnslib.server import BaseResolver, DNSServer

from domain.adapters.name_servers import Dns, split_address
from domain.ports.dns import DnsFailed

RECORDS = {
    "_proof.shop.test.": [TXT([b"first ", b"half"]), TXT(b"\xff")],
    "shop.test.": [A("203.0.113.7"), AAAA("2001:db8::7")],
    "www.shop.test.": [CNAME("shop.test.")],
    "many.test.": [A(f"203.0.113.{number}") for number in range(120)],
    "empty.test.": [],
}


class _Zone(BaseResolver):  # type: ignore[misc]  # the library has no types
    def resolve(self, request: DNSRecord, _handler: object) -> DNSRecord:
        reply, name = request.reply(), str(request.q.qname).lower()
        if name == "broken.test.":
            reply.header.rcode = RCODE.SERVFAIL
        elif name not in RECORDS:
            reply.header.rcode = RCODE.NXDOMAIN
        self._answer(reply, name, QTYPE[request.q.qtype])
        return reply

    def _answer(self, reply: DNSRecord, name: str, kind: str) -> None:
        for data in RECORDS.get(name, []):
            if type(data).__name__ == "CNAME":
                reply.add_answer(RR(name, QTYPE.CNAME, rdata=data))
                self._answer(reply, str(data.label), kind)
            elif type(data).__name__ == kind:
                reply.add_answer(RR(name, getattr(QTYPE, kind), rdata=data))


@pytest.fixture(scope="module")
def dns() -> Iterator[Dns]:
    """The DNS of the zone above."""
    servers = [DNSServer(_Zone(), address="127.0.0.1", port=0)]
    port = servers[0].server.server_address[1]
    servers.append(DNSServer(_Zone(), address="127.0.0.1", port=port, tcp=True))  # for answers above 512 bytes
    for server in servers:
        server.start_thread()
    yield Dns(f"127.0.0.1:{port}")
    for server in servers:
        server.stop()
        server.server.server_close()


def test_the_parts_of_a_text_are_one_text(dns: Dns) -> None:
    assert list(dns.texts("_proof.shop.test")) == ["first half", "\N{REPLACEMENT CHARACTER}"]


def test_addresses_are_followed_through_aliases(dns: Dns) -> None:
    for name in ("shop.test", "WWW.shop.test"):
        assert list(dns.addresses(name)) == ["203.0.113.7", "2001:db8::7"]


def test_names_without_records_have_none(dns: Dns) -> None:
    for name in ("none.test", "empty.test", "shop.test"):
        assert list(dns.texts(name)) == []
    assert list(dns.addresses("none.test")) == []


def test_a_name_with_many_addresses_has_a_hundred(dns: Dns) -> None:
    assert len(dns.addresses("many.test")) == 100


def test_name_servers_that_fail_are_named(dns: Dns) -> None:
    with pytest.raises(DnsFailed, match=r"broken\.test"):
        dns.texts("broken.test")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
    ],
)
def test_a_name_server_has_an_address_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize("text", ["ns.example.com", "192.0.2.53:dns", "[::1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Dns(text)
