"""The panel's WebSocket with reconnects: yields each event once, in order."""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from domain.errors import Gone, Refusal, TooMany, Unauthenticated, Unavailable
from handlers.edge.refusals import Close
from handlers.program.watch.api_errors import api_error
from handlers.program.watch.key import KEY
from handlers.program.watch.messages import Message
from handlers.program.watch.panel_client import PanelClient

_MAX_MESSAGE_BYTES = 16 * 2**20  # a message may contain hundreds of long log lines
_CLOSE_TIMEOUT = 1.0
_CONNECTION_LOST = "The connection to the panel is lost"
_FIRST_PAUSE, _MAX_PAUSE = 0.5, 30.0
# At level DEBUG the library logs headers, and with them the key.
_silent_logger = logging.Logger("ws.watch.connection", logging.CRITICAL + 1)


class Stream:
    """Messages after event `after`, or new ones; of all services, or of one service and then with its logs."""

    def __init__(
        self, panel: PanelClient, notice: Callable[[str], None], service_id: str | None = None, after: int | None = None
    ) -> None:
        self._panel = panel
        self._notice = notice
        self._service_id = service_id
        self._after = after
        self._was_connected = False
        self._failures = 0

    def messages(self) -> Iterator[Message]:
        """Yield messages without end. Raise Refusal if the panel refuses, or does not answer the first request."""
        while True:
            try:
                yield from self._session()
            except Gone as gone:
                self._after = None
                self._notice(f"{gone.message}. Continuing with new events")
            except TooMany as busy:
                self._pause(busy, at_least=busy.retry_after)
            except Unavailable as unavailable:
                if not self._was_connected:
                    raise
                self._pause(unavailable)

    def _pause(self, reason: Refusal, at_least: float = 0.0) -> None:
        """Wait, twice as long after each failure, with jitter so that clients do not reconnect at the same time."""
        if not self._failures:
            self._notice(f"{reason.message}. Reconnecting until it succeeds")
        limit = min(_MAX_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        time.sleep(max(at_least, random.uniform(limit / 2, limit)))  # noqa: S311 - no secret

    def _session(self) -> Iterator[Message]:
        address = self._panel.socket_url if self._after is None else f"{self._panel.socket_url}?after={self._after}"
        with (
            self._translate_errors(),
            connect(
                address,
                additional_headers=self._panel.headers,
                compression=None,
                close_timeout=_CLOSE_TIMEOUT,
                max_size=_MAX_MESSAGE_BYTES,
                logger=_silent_logger,
            ) as connection,
        ):
            yield self._handshake(connection)
            for text in connection:
                message = Message(str(text))
                if self._is_new(message) and self._is_selected(message):
                    yield message
            raise Unavailable(_CONNECTION_LOST)

    def _handshake(self, connection: ClientConnection) -> Message:
        hello = Message(str(connection.recv()))
        if self._after is None:
            self._after = int(hello.body["seq"])
        if self._failures:
            self._notice("Reconnected")
        self._was_connected, self._failures = True, 0
        for topic in ("service", "logs") if self._service_id else ():
            command = {"action": "subscribe", "topics": [f"{topic}:{self._service_id}"]}
            connection.send(orjson.dumps(command).decode())
        return hello

    def _is_new(self, message: Message) -> bool:
        if message.sequence is None:
            return True
        new = self._after is None or message.sequence > self._after
        self._after = max(self._after or 0, message.sequence)
        return new

    def _is_selected(self, message: Message) -> bool:
        """Return whether the message is of the service: before it has subscribed, a connection receives all events."""
        return not self._service_id or message.data.get("service_id", self._service_id) == self._service_id

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise connection errors as a Refusal."""
        try:
            yield
        except InvalidStatus as rejected:
            response = rejected.response
            raise api_error(
                response.status_code, response.headers, bytes(response.body or b""), self._panel.url
            ) from None
        except ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code == Close.CREDENTIALS_ENDED:
                raise Unauthenticated(f"The key in {KEY} was revoked, expired, or lost permissions") from None
            raise Unavailable(_CONNECTION_LOST) from None
        except (OSError, InvalidHandshake) as fault:
            raise self._panel.unavailable(fault) from fault
