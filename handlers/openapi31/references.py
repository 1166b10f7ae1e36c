"""Find nodes of a document by JSON pointer, and follow `$ref`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from handlers.openapi31.errors import DocumentError

Node = Any  # JSON as parsed from YAML


def below(pointer: str, *keys: str | int) -> str:
    """Return the pointer to a descendant, escaped so that it is also a valid URI fragment."""
    tail = (quote(str(key).replace("~", "~0").replace("/", "~1"), safe="~!$&'()*+,;=:@") for key in keys)
    return "/".join((pointer, *tail))


def keys_of(pointer: str) -> Iterator[str]:
    """Yield the unescaped keys of a pointer such as `#/paths/~1pets`."""
    for key in pointer.split("/")[1:]:
        yield unquote(key).replace("~1", "/").replace("~0", "~")


class References:
    """The nodes of one document; references to other documents are not supported."""

    def __init__(self, root: Mapping[str, Node]) -> None:
        self.root = root
        self._found: dict[str, Node] = {}

    def at(self, pointer: str) -> Node:
        """Return the node at a pointer. Raise DocumentError if there is none."""
        if pointer not in self._found:
            self._found[pointer] = self._look(pointer)
        return self._found[pointer]

    def _look(self, pointer: str) -> Node:
        node: Node = self.root
        try:
            for key in keys_of(pointer):
                node = node[int(key)] if isinstance(node, Sequence) else node[key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise DocumentError(f"{pointer} points to nothing in the document") from None
        return node

    def follow(self, pointer: str) -> tuple[str, Node]:
        """Return the pointer and the node after following each `$ref`."""
        seen = set()
        node = self.at(pointer)
        while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
            if pointer in seen or not node["$ref"].startswith("#/"):
                raise DocumentError(f"{pointer} refers to {node['$ref']}, which is a circle or another document")
            seen.add(pointer)
            pointer = node["$ref"]
            node = self.at(pointer)
        return pointer, node
