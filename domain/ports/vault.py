"""Encryption of stored secrets."""

from typing import Protocol


class Vault(Protocol):
    """Encrypts secrets before they are stored. `decrypt` raises Unavailable if the key is lost."""

    def encrypt(self, plain: str) -> str: ...
    def decrypt(self, encrypted: str) -> str: ...
