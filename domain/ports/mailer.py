"""The mail server that the panel sends messages through."""

from dataclasses import dataclass
from typing import Protocol


class MailRefused(Exception):  # noqa: N818
    """The mail server refuses a message for good, for example because its recipient does not exist.

    It says why in the panel's words: those of the server are not for callers.
    """


@dataclass(frozen=True)
class Message:
    """A plain text message to one address."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Sends messages. Each call ends within ten seconds."""

    def send(self, message: Message) -> None:
        """Hand a message to the mail server.

        Raise MailRefused if it refuses the message for good, Unavailable (`mail_unavailable`) if it does not answer or
        asks to try again later.
        """
