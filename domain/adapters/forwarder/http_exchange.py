"""Follow the requests and responses of a connection, to know when it is between two of them.

The bytes are parsed with llhttp (httptools) and passed on as they are. Only the events that are needed have methods:
the parser skips everything else, such as headers and bodies.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, HttpResponseParser

MAX_HEAD = 32 * 1024  # bytes
_HEAD_END = b"\r\n\r\n"
_SWITCHING_PROTOCOLS, _FIRST_FINAL = 101, 200
_FIRST_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class _Requests:
    """The client's side. The parser calls the methods."""

    def __init__(self) -> None:
        self.parser = HttpRequestParser(self)
        self.begun = 0
        self.in_head = False
        self.is_complete = True
        self.is_head_request = False

    def on_message_begin(self) -> None:
        self.begun += 1
        self.in_head = True
        self.is_complete = False

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.is_head_request = self.is_head_request or self.parser.get_method() == b"HEAD"

    def on_message_complete(self) -> None:
        self.is_complete = True


class _Responses:
    """The target's side. The parser calls the methods."""

    def __init__(self, requests: _Requests) -> None:
        self.parser = HttpResponseParser(self)
        self.has_begun = False
        self.complete = 0
        self.skips_body = False
        self._requests = requests

    def on_message_begin(self) -> None:
        self.has_begun = True

    def on_headers_complete(self) -> None:
        if self._requests.is_head_request and self.parser.get_status_code() >= _FIRST_FINAL:
            self.skips_body = True
            self.complete += 1

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        self.has_begun = False
        if not self.skips_body and (status >= _FIRST_FINAL or status == _SWITCHING_PROTOCOLS):
            self.complete += 1


class HttpExchange:
    """The requests and responses of one connection.

    `is_followed` is False if they cannot be told apart any more, because the connection is not HTTP, became a tunnel,
    or breaks the protocol. Then the other attributes have no meaning.
    """

    def __init__(self) -> None:
        self.is_followed = True
        self._requests = _Requests()
        self._responses = _Responses(self._requests)
        self._is_upgrade = False
        self._head_bytes = 0
        self._head_tail = b""

    @property
    def is_between(self) -> bool:
        """Whether all requests and responses are complete, so that the next data begin a request."""
        return self.is_followed and self._requests.is_complete and self._requests.begun == self._responses.complete

    @property
    def in_head(self) -> bool:
        """Whether the head of a request is incomplete."""
        return self.is_followed and self._requests.in_head

    @property
    def in_request(self) -> bool:
        """Whether a request is incomplete."""
        return self.is_followed and not self._requests.is_complete

    @property
    def has_response_begun(self) -> bool:
        """Whether a part of a response is sent, or another response has to come before that of the last request."""
        return self._responses.has_begun or self._requests.begun - self._responses.complete != 1

    @property
    def is_head_too_large(self) -> bool:
        """Whether the head of the request exceeds the limit."""
        return self.is_followed and self._head_bytes > MAX_HEAD

    def receive_request(self, data: bytes) -> None:
        """Follow data of the client."""
        if not self.is_followed:
            return
        if self._is_upgrade:  # data after an upgrade that is not accepted yet belong to the other protocol
            self.is_followed = False
            return
        self._count_head(data)
        try:
            self._requests.parser.feed_data(data)
        except HttpParserUpgrade:
            self._is_upgrade = True
        except HttpParserError:
            self.is_followed = False
        if self._requests.is_head_request and self._requests.begun - self._responses.complete > 1:
            self.is_followed = False  # the parser cannot tell which of several responses has no body

    def receive_response(self, data: bytes) -> None:
        """Follow data of the target."""
        if not self.is_followed:
            return
        try:
            self._responses.parser.feed_data(data)
        except (HttpParserUpgrade, HttpParserError):
            self.is_followed = False
        if self._responses.complete > self._requests.begun:
            self.is_followed = False
        elif self.is_between and (self._is_upgrade or self._responses.skips_body):
            self._renew_parsers()

    def _count_head(self, data: bytes) -> None:
        """Count the bytes of a head, up to its end, which may be split."""
        if self.is_between:
            self._head_bytes, self._head_tail = 0, b""
        elif not self._requests.in_head:
            return
        end = (self._head_tail + data).find(_HEAD_END)
        self._head_bytes += len(data) if end < 0 else end
        self._head_tail = data[-len(_HEAD_END) + 1 :]

    def _renew_parsers(self) -> None:
        """Forget the finished exchanges: the parsers wait for a body after HEAD, and for no HTTP after an upgrade."""
        self._is_upgrade = False
        self._requests = _Requests()
        self._responses = _Responses(self._requests)


def may_begin_request(data: bytes) -> bool:
    """Return whether the first data of a client may be HTTP: methods begin with a capital letter."""
    return data[0] in _FIRST_BYTES
