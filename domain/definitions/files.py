"""Files of a definition: encrypted when they are stored, decrypted when the compose text is read."""

import base64
import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict

from domain.definitions.in_use import definitions_in_use
from domain.errors import Invalid
from domain.model.definition import Definition
from domain.model.file import File
from domain.model.service import Service
from domain.ports.store import Work
from domain.ports.vault import Vault

MOST_FILES = 200
MOST_BYTES = 1024 * 1024
MOST_STORED = 16 * 1024 * 1024
"""Characters that one service stores. With more, the contents that were not used for the longest time are removed."""
_LONGEST_MASKED = 16 * 1024
_PATH = re.compile(r"[^\x00-\x1f\x7f\\~/][^\x00-\x1f\x7f\\]{0,254}")

Contents = Mapping[str, str]
"""Contents as they are stored, by digest."""


class FileContent(TypedDict, total=False):
    """A file of a request: its content as text or as base64, and whether it is encrypted."""

    content: str
    content_base64: str
    secret: bool


class FileError(Exception):
    """A file of a request cannot be used. The message says why."""


def merge(
    vault: Vault, before: Iterable[File], contents: Contents, change: Mapping[str, FileContent | None]
) -> tuple[tuple[File, ...], dict[str, str]]:
    """Return the files after a merge patch, by path, and all their contents. None removes a file.

    `contents` are those of the files before. Raise Invalid with one message for each file that cannot be used.
    """
    files = {file.path: file for file in before}
    merged = {file.digest: contents[file.digest] for file in files.values()}
    wrong: dict[str, str] = {}
    for written, given in change.items():
        try:
            path = _normalize(written)
            earlier = files.pop(path, None)
            if given is not None:
                files[path], content = _change(vault, path, earlier, contents, given)
                merged[files[path].digest] = content
        except FileError as error:
            wrong[f"files.{written}"] = str(error)
    if wrong:
        raise Invalid(wrong)
    _check_bounds(files.values())
    kept = {file.digest for file in files.values()}
    ordered = tuple(files[path] for path in sorted(files))
    return ordered, {digest: content for digest, content in merged.items() if digest in kept}


def decode(vault: Vault, files: Iterable[File], contents: Contents) -> dict[str, bytes]:
    """Return the plain contents by path."""
    return {file.path: _plain(vault, file, contents[file.digest]) for file in files}


def masked_texts(vault: Vault, files: Iterable[File], contents: Contents) -> set[str]:
    """Return the contents of secret files that logs must not show. Files that are binary or large are left out."""
    secret = [file for file in files if file.secret and not file.binary and file.size <= _LONGEST_MASKED]
    return {_plain(vault, file, contents[file.digest]).decode() for file in secret if file.digest in contents}


def digests(*definitions: Definition) -> set[str]:
    """Return the digests of all files of these definitions."""
    return {file.digest for definition in definitions for file in definition.files}


def store_contents(work: Work, service: Service, contents: Contents, now: datetime) -> None:
    """Store the contents of the service's definition, within the bounds of the service."""
    work.files.put(service.id, contents, now)
    if contents:
        work.files.remove_oldest(service.id, MOST_STORED, digests(*definitions_in_use(work, service)))


def _normalize(path: str) -> str:
    normal = posixpath.normpath(path)
    if not _PATH.fullmatch(normal) or normal == "." or normal.split("/")[0] == "..":
        raise FileError("is no path beside the compose text; write one such as conf/nginx.conf")
    return normal


def _change(vault: Vault, path: str, earlier: File | None, contents: Contents, given: FileContent) -> tuple[File, str]:
    stored = _plain(vault, earlier, contents[earlier.digest]) if earlier else None
    secret = given.get("secret", earlier.secret if earlier else False)
    plain = _given(given, stored)
    if earlier and (plain, secret) == (stored, earlier.secret):
        return earlier, contents[earlier.digest]
    binary = not _is_text(plain)
    text = base64.b64encode(plain).decode() if binary else plain.decode()
    content = vault.encrypt(text) if secret else text
    digest = hashlib.sha256(content.encode()).hexdigest()
    return File(path, digest, len(plain), secret, binary), content


def _given(given: FileContent, stored: bytes | None) -> bytes:
    if "content" in given and "content_base64" in given:
        raise FileError("has two contents; write content or content_base64")
    if "content" in given:
        return given["content"].encode(errors="replace")
    if "content_base64" in given:
        try:
            return base64.b64decode(given["content_base64"], validate=True)
        except ValueError:  # not base64, or characters beyond ASCII
            raise FileError("has a content_base64 that is not base64") from None
    if stored is None:
        raise FileError("has no content; write content or content_base64")
    return stored


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _plain(vault: Vault, file: File, content: str) -> bytes:
    text = vault.decrypt(content) if file.secret else content
    return base64.b64decode(text) if file.binary else text.encode()


def _check_bounds(files: Iterable[File]) -> None:
    sizes = [file.size for file in files]
    if len(sizes) > MOST_FILES:
        raise Invalid({"files": f"are {len(sizes)}; a service has at most {MOST_FILES}"})
    if sum(sizes) > MOST_BYTES:
        raise Invalid({"files": f"have {sum(sizes)} bytes; all files together have at most {MOST_BYTES}"})
