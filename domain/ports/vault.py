"""Encryption at rest."""

from typing import Protocol


class Vault(Protocol):
    """Encryption at rest."""

    def encrypt(self, plain: str) -> str: ...
    def decrypt(self, sealed: str) -> str: ...
