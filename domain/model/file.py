"""Files that a service's compose text uses: `nginx.conf` beside the text."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.model.hidden import HIDDEN


@dataclass(frozen=True)
class File:
    """A file of a definition. The content is stored apart from it, under its digest.

    `path` is relative to the compose text. `binary`: the content is stored as base64; `secret`: it is encrypted. `size`
    is in bytes.
    """

    path: str
    digest: str = field(metadata=HIDDEN)
    size: int
    secret: bool = False
    binary: bool = False


@dataclass(frozen=True)
class FileContent:
    """The content of a file, which the definitions of one service share. `size` counts characters as stored."""

    service_id: str
    digest: str
    content: str = field(repr=False)
    size: int
    used_at: datetime
