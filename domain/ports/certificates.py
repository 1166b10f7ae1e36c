"""Certificates that customers bring along."""

from typing import Protocol

from domain.model.custom_domain import Certificate


class CertificateError(Exception):
    """A certificate cannot be used. `field` is `certificate` or `private_key`; the message has nothing of the key."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Certificates(Protocol):
    """Reads certificates and private keys in PEM."""

    def check(self, chain: str, key: str) -> Certificate:
        """Return what the first certificate says.

        Raise CertificateError if a text cannot be read, the key does not belong to the first certificate, or a
        certificate of the chain has not signed the one before it.
        """
