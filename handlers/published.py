"""Bytes that never change while the panel runs: the document itself, and what Swagger UI is made of."""

import gzip
from hashlib import sha256
from importlib.resources import files

from handlers.openapi31 import Answer


class Published:
    """Content with its ETag, compressed once."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self.content = content
        self.media_type = media_type
        self.etag = f'"{sha256(content).hexdigest()[:32]}"'
        self._compressed = gzip.compress(content, mtime=0)

    def answer(self, accept_encoding: str = "", **headers: str) -> Answer:
        """200 with the content, compressed for whoever takes that."""
        shown = {"ETag": self.etag, "Vary": "Accept-Encoding", **headers}
        if "gzip" not in accept_encoding:
            return Answer(200, self.content, shown, self.media_type)
        return Answer(200, self._compressed, {**shown, "Content-Encoding": "gzip"}, self.media_type)


DOCUMENT = Published((files("spec") / "openapi.yaml").read_bytes(), "application/yaml")
