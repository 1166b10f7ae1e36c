"""Reading a request body: its media type, its size, its JSON, its schema."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import orjson
from jsonschema_rs import ValidationError, Validator
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from handlers.openapi31.errors import BadBody, InvalidBody, TooLarge, UnsupportedMediaType
from handlers.openapi31.messages import Messages
from handlers.openapi31.operations import Body
from handlers.openapi31.schemas import Schemas

MANY_NODES = 2000
DIGITS = bytes.maketrans(b"123456789", b"000000000")
NINETEEN_DIGITS = b"0" * 19
WHOLE_FLOAT = re.compile(rb"[0-9](\.0|[eE])")
EXACT = 2**53


class Limits(NamedTuple):
    """How much a body may hold: bytes, and levels of lists and objects."""

    size: int = 1024 * 1024
    depth: int = 64
    """Not above 250: deeper ones cannot be written out again, which `parse_json` does."""


class Sent(NamedTuple):
    """What the headers say of the body."""

    media_type: str
    encoded: bool
    length: int | None
    """None when the body comes in chunks of unknown number."""


class BodyPlan:
    """Everything about an operation's body that can be known before a request comes."""

    def __init__(self, body: Body, schemas: Schemas, limits: Limits) -> None:
        self._required = body.required
        self._limits = limits
        self._messages = Messages(schemas)
        self._accepted = tuple(body.content)
        self._validators = {
            name: schemas.validator(pointer) if pointer and is_json(name) else None
            for name, pointer in body.content.items()
        }

    async def read(self, scope: Scope, receive: Receive) -> Any:  # noqa: ANN401 - a body is whatever its schema says
        """The body parsed and checked, None when it is optional and absent; bytes when it is not JSON."""
        sent = _sent(scope)
        if sent.length == 0:
            return self._absent()
        if sent.length is not None and sent.length > self._limits.size:
            raise TooLarge(self._limits.size)
        validator = self._validators[self._matching(sent)]
        raw = await _all_of(receive, self._limits.size)
        if not raw:
            return self._absent()
        return self._checked(raw, validator) if is_json(sent.media_type) else raw

    def _absent(self) -> None:
        if self._required:
            raise BadBody("A body is required")

    def _matching(self, sent: Sent) -> str:
        media_type = sent.media_type
        if not sent.encoded:
            for name in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
                if name in self._validators:
                    return name
        raise UnsupportedMediaType(media_type, self._accepted)

    def _checked(self, raw: bytes, validator: Validator | None) -> Any:  # noqa: ANN401 - see read
        value = parse_json(raw, self._limits.depth)
        if validator is None or validator.is_valid(value):
            return value
        raise InvalidBody(self._messages.fields(_errors(validator, value)))


def is_json(media_type: str) -> bool:
    """JSON, or something built on it."""
    return media_type.endswith(("/json", "+json"))


def _errors(validator: Validator, value: Any) -> Iterable[ValidationError]:  # noqa: ANN401 - see BodyPlan.read
    """All errors; of a body with thousands of values only the first, since gathering them holds up the loop."""
    if all(size <= MANY_NODES for size in accumulate(len(level) for level in _levels(value))):
        return validator.iter_errors(value)
    first = []
    try:
        validator.validate(value)
    except ValidationError as error:
        first.append(error)
    return first


def _sent(scope: Scope) -> Sent:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    length = headers.get(b"content-length")
    if length is not None and not length.isdigit():
        raise BadBody("Content-Length is not a number")
    media_type, utf8 = _media_type(headers.get(b"content-type", b""))
    encoded = not utf8 or headers.get(b"content-encoding", b"identity").lower() != b"identity"
    missing = 0 if length is None and b"transfer-encoding" not in headers and not media_type else None
    return Sent(media_type, encoded, int(length) if length is not None else missing)


@lru_cache(maxsize=64)
def _media_type(header: bytes) -> tuple[str, bool]:
    media_type, _, rest = header.decode("latin-1").lower().partition(";")
    _, _, charset = rest.partition("charset=")
    return media_type.strip(), not charset or charset.partition(";")[0].strip(' "') in {"utf-8", "utf8", "us-ascii"}


async def _all_of(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise TooLarge(limit)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def parse_json(raw: bytes, depth: int) -> Any:  # noqa: ANN401 - see BodyPlan.read
    """Parse JSON strictly; what orjson alone would let pass is looked for only where a cheap sign of it is seen.

    A name that occurs twice is lost by parsing, and with it a colon: written out again, the value has fewer of them.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadBody(f"The body is not valid JSON: {error}") from None
    if raw.count(b"[") + raw.count(b"{") > depth and _depth(value) > depth:
        raise BadBody(f"The body is nested more than {depth} levels deep")
    if (
        raw.count(b":") != orjson.dumps(value).count(b":")
        or b"\\u003" in raw
        or NINETEEN_DIGITS in raw.translate(DIGITS)
    ):
        json.loads(raw, object_pairs_hook=_no_name_twice, parse_int=_within_64_bits)
    return _with_integers(value) if WHOLE_FLOAT.search(raw) else value


def _levels(value: object) -> Iterator[list[object]]:
    """The value, what it holds, what that holds, and so on down."""
    level = [value]
    while level:
        yield level
        level = [child for node in level for child in _children(node)]


def _depth(value: object) -> int:
    return sum(any(isinstance(node, dict | list) for node in level) for level in _levels(value))


def _children(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _with_integers(value: Any) -> Any:  # noqa: ANN401 - see BodyPlan.read
    """`1.0` and `1e2` are integers to JSON Schema, so whoever is promised an integer gets one."""
    if isinstance(value, dict):
        return {name: _with_integers(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_with_integers(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT else value


def _no_name_twice(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise BadBody(f"The body gives {name!r} twice in one object")
        seen.add(name)


def _within_64_bits(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise BadBody("The body has an integer that does not fit into 64 bits")
    return int(digits)
