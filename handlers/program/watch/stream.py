"""The panel's socket, opened again and again: no event is missed, and none comes twice."""

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
from handlers.program.watch.key import KEY
from handlers.program.watch.messages import Message
from handlers.program.watch.panel import Panel
from handlers.program.watch.refusing import refusal

_LONGEST = 16 * 2**20  # one message may hold hundreds of long lines
_CLOSING = 1.0
_LOST = "The connection to the panel is lost"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
# At its most talkative the library logs headers, and so the key.
_silent = logging.Logger("ws.watch.connection", logging.CRITICAL + 1)


class Stream:
    """Messages from now on, or from after a number; of one service, when one is named, and then with its logs."""

    def __init__(
        self, panel: Panel, notice: Callable[[str], None], service_id: str | None = None, after: int | None = None
    ) -> None:
        self._panel = panel
        self._notice = notice
        self._service_id = service_id
        self._after = after
        self._been_there = False
        self._failures = 0

    def messages(self) -> Iterator[Message]:
        """For ever; raises Refusal when the panel is not there at the start, or does not let it."""
        while True:
            try:
                yield from self._session()
            except Gone as gone:
                self._after = None
                self._notice(f"{gone.message}. Going on from now")
            except TooMany as busy:
                self._pause(busy, at_least=busy.retry_after)
            except Unavailable as away:
                if not self._been_there:
                    raise
                self._pause(away)

    def _pause(self, why: Refusal, at_least: float = 0.0) -> None:
        """Twice as long each time, and not at the same moment as everybody else who lost the same panel."""
        if not self._failures:
            self._notice(f"{why.message}. Trying again until it works")
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        time.sleep(max(at_least, random.uniform(longest / 2, longest)))  # noqa: S311 - no secret

    def _session(self) -> Iterator[Message]:
        address = self._panel.socket if self._after is None else f"{self._panel.socket}?after={self._after}"
        with (
            self._understood(),
            connect(
                address,
                additional_headers=self._panel.headers,
                compression=None,
                close_timeout=_CLOSING,
                max_size=_LONGEST,
                logger=_silent,
            ) as connection,
        ):
            yield self._hello(connection)
            for text in connection:
                message = Message(str(text))
                if self._is_new(message) and self._is_asked_for(message):
                    yield message
            raise Unavailable(_LOST)

    def _hello(self, connection: ClientConnection) -> Message:
        hello = Message(str(connection.recv()))
        if self._after is None:
            self._after = int(hello.body["seq"])
        if self._failures:
            self._notice("Connected again")
        self._been_there, self._failures = True, 0
        for topic in ("service", "logs") if self._service_id else ():
            command = {"action": "subscribe", "topics": [f"{topic}:{self._service_id}"]}
            connection.send(orjson.dumps(command).decode())
        return hello

    def _is_new(self, message: Message) -> bool:
        if message.number is None:
            return True
        new = self._after is None or message.number > self._after
        self._after = max(self._after or 0, message.number)
        return new

    def _is_asked_for(self, message: Message) -> bool:
        """Until the first command is heeded, everything comes."""
        return not self._service_id or message.data.get("service_id", self._service_id) == self._service_id

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """What goes wrong with a connection is a Refusal."""
        try:
            yield
        except InvalidStatus as refused:
            answer = refused.response
            raise refusal(answer.status_code, answer.headers, bytes(answer.body or b""), self._panel.url) from None
        except ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code == Close.CREDENTIALS_ENDED:
                raise Unauthenticated(f"The key in {KEY} has ended, or may do less than before") from None
            raise Unavailable(_LOST) from None
        except (OSError, InvalidHandshake) as fault:
            raise self._panel.away(fault) from fault
