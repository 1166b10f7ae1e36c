"""Bytes that never change while the panel runs: the document itself, and what Swagger UI is made of."""

import gzip
import re
from hashlib import sha256
from importlib.resources import files

from handlers.openapi31 import Answer

_ZERO = re.compile(r"q=0(\.0*)?")


class Published:
    """Content with its ETag, compressed once."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self.content = content
        self.media_type = media_type
        self.etag = f'"{sha256(content).hexdigest()[:32]}"'
        self._compressed = gzip.compress(content, compresslevel=5, mtime=0)  # a hundredth larger, in half the time

    def answer(self, accept_encoding: str = "", **headers: str) -> Answer:
        """200 with the content, compressed for whoever takes that."""
        shown = {"ETag": self.etag, "Vary": "Accept-Encoding", **headers}
        if not _takes_gzip(accept_encoding):
            return Answer(200, self.content, shown, self.media_type)
        return Answer(200, self._compressed, {**shown, "Content-Encoding": "gzip"}, self.media_type)


def _takes_gzip(accept_encoding: str) -> bool:
    """What is named outweighs `*`; `q=0` is a refusal (RFC 9110, section 12.5.3)."""
    taken = {}
    for one in accept_encoding.lower().split(","):
        name, _, weight = one.partition(";")
        taken[name.strip()] = not _ZERO.fullmatch(weight.replace(" ", ""))
    return taken.get("gzip", taken.get("*", False))


DOCUMENT = Published((files("spec") / "openapi.yaml").read_bytes(), "application/yaml")
