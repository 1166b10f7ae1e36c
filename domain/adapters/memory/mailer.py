"""A mail server in this process: it keeps what is sent."""

from domain.errors import Unavailable
from domain.ports.mailer import MailRefused, Message
from domain.ports.transactions import in_transaction


class Mailer:
    """Keeps messages in `sent`. `available` False makes calls raise Unavailable; it refuses addresses in `refused`."""

    def __init__(self) -> None:
        self.available = True
        self.refused: set[str] = set()
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        if in_transaction():
            raise RuntimeError("the mail server was called inside a transaction")
        if not self.available:
            raise Unavailable("The mail server does not answer", code="mail_unavailable")
        if message.to in self.refused:
            raise MailRefused("it answers with the code 550")
        self.sent.append(message)
