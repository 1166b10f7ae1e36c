"""Encryption at rest by Fernet, with a key file that is made on the first start."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from domain import errors

CODE = "secrets_unreadable"


class Vault:
    """Seals with the first key of the file and opens with any: to rotate, put a new key on top and start again."""

    def __init__(self, key_file: Path) -> None:
        self._file = key_file
        if not key_file.exists():
            _make(key_file)
        self._fernet = MultiFernet(_keys(key_file))

    def encrypt(self, plain: str) -> str:
        return self._fernet.encrypt(plain.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise _unreadable(
                "A stored secret was sealed with a key that the panel no longer has",
                f"Add the lost key to {self._file} on a line of its own (it stands in the backup of that file) "
                "and restart the panel; or set the secret again.",
            ) from None


def _make(key_file: Path) -> None:
    """Linking a finished file under its name is atomic: of two starting processes one wins, with a whole key."""
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
