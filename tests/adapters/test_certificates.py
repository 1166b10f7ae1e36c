"""Certificates and keys in PEM: which belong together."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from domain.adapters.certificates import Certificates
from domain.ports.certificates import CertificateError
from tests.certificate_texts import issue

HOST = "shop.example.com"


def test_a_chain_and_its_key_are_read() -> None:
    authority = issue()
    issued = issue(HOST, "*.Example.com", issuer=authority)
    found = Certificates().check(issued.chain + authority.chain, issued.key_text)
    assert (found.issuer, found.names) == ("CN=Test authority", (HOST, "*.example.com"))
    assert found.not_before == issued.certificate.not_valid_before_utc
    assert found.not_after == issued.certificate.not_valid_after_utc


def test_a_key_of_another_certificate_is_refused() -> None:
    with pytest.raises(CertificateError, match="does not belong") as refused:
        Certificates().check(issue(HOST).chain, issue(HOST).key_text)
    assert refused.value.field == "private_key"


def test_a_chain_in_another_order_is_refused() -> None:
    authority, stranger = issue(), issue()
    issued = issue(HOST, issuer=authority)
    for chain in (issued.chain + stranger.chain, issued.chain + issued.chain):
        with pytest.raises(CertificateError, match="out of order"):
            Certificates().check(chain, issued.key_text)


@pytest.mark.parametrize(
    "chain", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_is_refused(chain: str) -> None:
    with pytest.raises(CertificateError, match="no certificate") as refused:
        Certificates().check(chain, issue(HOST).key_text)
    assert refused.value.field == "certificate"


def test_an_endless_chain_and_a_certificate_without_hosts_are_refused() -> None:
    issued, authority = issue(HOST), issue()
    with pytest.raises(CertificateError, match="more than 10"):
        Certificates().check(issued.chain * 11, issued.key_text)
    with pytest.raises(CertificateError, match="hosts"):
        Certificates().check(authority.chain, authority.key_text)


def test_keys_that_browsers_or_the_proxy_cannot_use_are_refused() -> None:
    issued = issue(HOST)
    encrypted = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    texts = {
        "no private key": "no key",
        "encrypted": encrypted.decode(),
        "RSA or ECDSA": _text(ed25519.Ed25519PrivateKey.generate()),
        "2048 bits": _text(rsa.generate_private_key(65537, 1024)),
    }
    for message, text in texts.items():
        with pytest.raises(CertificateError, match=message) as refused:
            Certificates().check(issued.chain, text)
        assert refused.value.field == "private_key"


def _text(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
