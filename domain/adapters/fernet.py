"""Encryption of stored secrets with Fernet. The first start makes the key file."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from domain import errors

CODE = "secrets_unreadable"


class Vault:
    """Encrypts with the first key of the file and decrypts with any.

    To rotate, add a new key as the first line and restart.
    """

    def __init__(self, key_file: Path) -> None:
        self._file = key_file
        if not key_file.exists():
            try:
                _make(key_file)
            except OSError as error:
                raise _unreadable("The key file cannot be written", f"{key_file}: {error.strerror}") from None
        self._fernet = MultiFernet(_keys(key_file))

    def encrypt(self, plain: str) -> str:
        return self._fernet.encrypt(plain.encode()).decode()

    def decrypt(self, encrypted: str) -> str:
        try:
            return self._fernet.decrypt(encrypted.encode()).decode()
        except InvalidToken:
            raise _unreadable(
                "A stored secret was encrypted with a key that the panel no longer has",
                f"Add the lost key to {self._file} on a line of its own (a backup of that file has it) "
                "and restart the panel; or set the secret again.",
            ) from None


def _make(key_file: Path) -> None:
    """Write the key to a temporary file and link it: of two processes that start, one wins, with a complete key."""
    key_file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=key_file.parent, prefix=f".{key_file.name}-") as fresh:
        fresh.write(Fernet.generate_key() + b"\n")
        fresh.flush()
        os.fsync(fresh.fileno())
        try:
            os.link(fresh.name, key_file)
        except FileExistsError:
            return
    _sync(key_file.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keys(key_file: Path) -> list[Fernet]:
    try:
        with key_file.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            lines = file.read().split()
    except (OSError, ValueError) as error:
        raise _unreadable("The key file cannot be read", f"{key_file}: {error}") from None
    if mode & 0o077:
        raise _unreadable("The key file is open to other users", f"Run: chmod 600 {key_file}")
    if not lines:
        raise _unreadable("The key file is empty", f"Put {key_file} back from a backup; without it secrets are lost.")
    return [_key(key_file, number, line) for number, line in enumerate(lines, start=1)]


def _key(key_file: Path, number: int, line: str) -> Fernet:
    try:
        return Fernet(line)
    except ValueError:
        raise _unreadable(
            "The key file holds a broken key", f"Key {number} of {key_file} is not a Fernet key."
        ) from None


def _unreadable(message: str, details: str) -> errors.Unavailable:
    return errors.Unavailable(f"{message}. {details}", code=CODE)
