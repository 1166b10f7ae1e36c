"""Read a request body: check its media type, size, JSON and schema."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import orjson
from jsonschema_rs import ValidationError, Validator
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from handlers.openapi31.errors import BadBody, InvalidBody, TooLarge, UnsupportedMediaType
from handlers.openapi31.messages import Messages
from handlers.openapi31.operations import Body
from handlers.openapi31.schemas import Schemas

T = TypeVar("T")
FORM = "application/x-www-form-urlencoded"
MANY_NODES = 2000
DIGITS = bytes.maketrans(b"123456789", b"000000000")
NINETEEN_DIGITS = b"0" * 19
WHOLE_FLOAT = re.compile(rb"[0-9](\.0|[eE])")
EXACT = 2**53


class Limits(NamedTuple):
    """The maximum size of a body in bytes, and its maximum depth of lists and objects."""

    size: int = 1024 * 1024
    depth: int = 64
    """At most 250: `parse_json` serializes the value again, which orjson cannot do for deeper values."""


class Sent(NamedTuple):
    """The body as the request's headers describe it."""

    media_type: str
    encoded: bool
    length: int | None
    """None if the body is chunked."""


class _Schema(NamedTuple):
    """The compiled schema of a media type. Without a validator every value is accepted."""

    validator: Validator | None = None
    former_names: Mapping[str, str] = {}

    def renamed(self, value: Any) -> Any:  # noqa: ANN401 - see BodyPlan.read
        """Return the value with the new names of renamed properties. One that has both names stays, and is refused."""
        if not self.former_names or not isinstance(value, dict):
            return value
        names = {former: name for former, name in self.former_names.items() if name not in value}
        return {names.get(name, name): member for name, member in value.items()}


class BodyPlan:
    """How to read an operation's body, compiled from the document."""

    def __init__(self, body: Body, schemas: Schemas, limits: Limits) -> None:
        self._required, self._raw = body.required, body.raw
        self._limits = limits
        self._messages = Messages(schemas)
        self._accepted = tuple(body.content)
        self._schemas = {
            name: _Schema(schemas.validator(pointer), schemas.former_names(pointer))
            if pointer and (is_json(name) or name == FORM)
            else _Schema()
            for name, pointer in body.content.items()
        }

    async def read(self, scope: Scope, receive: Receive) -> Any:  # noqa: ANN401 - the type of a body follows from its schema
        """Return the parsed and validated body: of a form a text for each name, bytes if it is neither form nor JSON.

        A raw body is bytes, whatever its media type. It is None if it is optional and absent or null.
        """
        sent = _sent(scope)
        if sent.length == 0:
            return self._absent()
        if sent.length is not None and sent.length > self._limits.size:
            raise TooLarge(self._limits.size)
        schema = self._schemas[self._matching(sent)]
        raw = await _all_of(receive, self._limits.size)
        if not raw:
            return self._absent()
        if self._raw:
            return raw
        if sent.media_type == FORM:
            return self._checked(parse_form(raw), schema)
        return self._checked(parse_json(raw, self._limits.depth), schema) if is_json(sent.media_type) else raw

    def _absent(self) -> None:
        if self._required:
            raise BadBody("A body is required")

    def _matching(self, sent: Sent) -> str:
        media_type = sent.media_type
        if not sent.encoded:
            for name in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
                if name in self._schemas:
                    return name
        raise UnsupportedMediaType(media_type, self._accepted)

    def _checked(self, parsed: Any, schema: _Schema) -> Any:  # noqa: ANN401 - see read
        value = schema.renamed(parsed)
        validator = schema.validator
        if validator is None or validator.is_valid(value) or (value is None and not self._required):
            return value
        raise InvalidBody(self._messages.fields(_errors(validator, value)))


def is_json(media_type: str) -> bool:
    """Return whether a media type is JSON or ends in +json."""
    return media_type.endswith(("/json", "+json"))


def _errors(validator: Validator, value: Any) -> Iterable[ValidationError]:  # noqa: ANN401 - see BodyPlan.read
    """Return all errors, or only the first one of a body with thousands of values: all would block the event loop."""
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


def parse_form(raw: bytes) -> dict[str, str]:
    """Parse `application/x-www-form-urlencoded`: texts by name. Raise BadBody for a name that is given twice."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:
        raise BadBody("The body is not a valid form") from error
    return dict(_no_name_twice(pairs))


def parse_json(raw: bytes, depth: int) -> Any:  # noqa: ANN401 - see BodyPlan.read
    """Parse JSON strictly. Raise BadBody for duplicate names, integers beyond 64 bits and too deep nesting.

    orjson accepts these, so a slower check follows if the text may have them. A duplicate name is lost by parsing, so
    that the value has fewer colons when it is serialized again.
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
    """Yield the value, then its children, then theirs, level by level."""
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
    """Turn whole floats into integers: `1.0` and `1e2` are valid integers in JSON Schema, and handlers expect `int`."""
    if isinstance(value, dict):
        return {name: _with_integers(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_with_integers(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT else value


def _no_name_twice(pairs: list[tuple[str, T]]) -> list[tuple[str, T]]:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise BadBody(f"The body gives {name!r} twice in one object")
        seen.add(name)
    return pairs


def _within_64_bits(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise BadBody("The body has an integer that does not fit into 64 bits")
    return int(digits)
