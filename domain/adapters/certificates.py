"""Certificates in X.509 (RFC 5280), read with the library `cryptography`."""

from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from domain.model.custom_domain import Certificate
from domain.ports.certificates import CertificateError

_MOST = 10  # certificates of a chain
_MOST_NAMES = 100
_SMALLEST_RSA = 2048  # bits; browsers refuse smaller keys


class Certificates:
    """Checks that a chain and a key belong together. It trusts no authority: browsers decide about that."""

    def check(self, chain: str, key: str) -> Certificate:
        certificates = _read_chain(chain)
        leaf = certificates[0]
        if _public_bytes(_read_key(key)) != _public_bytes(leaf):
            raise CertificateError("private_key", "does not belong to the first certificate")
        _check_chain(certificates)
        names = _names(leaf)
        if not 0 < len(names) <= _MOST_NAMES:
            raise CertificateError("certificate", f"must name from 1 to {_MOST_NAMES} hosts (subjectAltName)")
        issuer = leaf.issuer.rfc4514_string()[:200]
        return Certificate(issuer, names, leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def _read_chain(chain: str) -> list[x509.Certificate]:
    try:
        certificates = x509.load_pem_x509_certificates(chain.encode())
    except ValueError:
        raise CertificateError("certificate", "is no certificate in PEM") from None
    if len(certificates) > _MOST:
        raise CertificateError("certificate", f"has more than {_MOST} certificates")
    return certificates


def _read_key(text: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(text.encode(), None)
    except TypeError:
        raise CertificateError("private_key", "is encrypted: upload it without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("private_key", "is no private key in PEM") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CertificateError("private_key", "must be an RSA or ECDSA key, which browsers take")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _SMALLEST_RSA:
        raise CertificateError("private_key", f"must have at least {_SMALLEST_RSA} bits")
    return key


def _public_bytes(holder: x509.Certificate | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_chain(certificates: list[x509.Certificate]) -> None:
    for issued, issuer in pairwise(certificates):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            raise CertificateError(
                "certificate", "has a chain out of order: each certificate is followed by that of its issuer"
            ) from None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(name.lower() for name in alternatives.value.get_values_for_type(x509.DNSName))
