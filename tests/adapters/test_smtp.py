"""The mailer against servers that accept, refuse, delay and hang up."""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default

import pytest

from domain.adapters.smtp import Mailer
from domain.errors import Unavailable
from domain.ports.mailer import MailRefused, Message

MESSAGE = Message("ada@acme.example", "Welcome", "Hello Ada,\n\nyour password: sécret\n")


class Server(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP (RFC 5321) as a client needs; `replies` replace those to some commands."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, replies: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.replies = replies
        self.received: list[bytes] = []
        self.commands: list[str] = []


class _Conversation(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self._reply("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(" ")[0].split(":")[0].upper()
            self.server.commands.append(line)
            reply = self.server.replies.get(verb)
            if verb == "DATA" and reply is None:
                reply = self._read_message()
            self._reply(reply or ("221 bye" if verb == "QUIT" else "250 fine"))
            if verb == "QUIT" or reply == "hang up":
                return

    def _read_message(self) -> str:
        self._reply("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        self.server.received.append(b"".join(lines))
        return "250 queued"

    def _reply(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def serve(**replies: str) -> Iterator[tuple[Server, Mailer]]:
    with Server({verb.upper(): reply for verb, reply in replies.items()}) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server, Mailer(f"smtp://127.0.0.1:{server.server_address[1]}?from=panel@example.com")
        server.shutdown()
        thread.join()


def test_a_message_arrives_as_it_was_written():
    with serve() as (server, mailer):
        mailer.send(MESSAGE)
    mail = message_from_bytes(server.received[0], policy=default)
    assert (mail["From"], mail["To"], mail["Subject"]) == ("panel@example.com", MESSAGE.to, "Welcome")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == MESSAGE.text


@pytest.mark.parametrize("reply", ["hang up", "500 what?"])
def test_a_message_that_the_server_has_taken_is_sent_whatever_it_says_then(reply: str):
    with serve(quit=reply) as (server, mailer):
        mailer.send(MESSAGE)
    assert len(server.received) == 1


@pytest.mark.parametrize("replies", [{"rcpt": "550 no such user"}, {"data": "554 spam"}, {"mail": "553 not from you"}])
def test_a_message_that_is_refused_for_good_is_refused(replies: dict[str, str]):
    (reply,) = replies.values()
    with serve(**replies) as (_, mailer), pytest.raises(MailRefused, match=reply[:3]) as refused:
        mailer.send(MESSAGE)
    assert reply[4:] not in str(refused.value), "the words of the server are for the log"


@pytest.mark.parametrize(
    "replies", [{"rcpt": "451 greylisted"}, {"mail": "421 too many connections"}, {"mail": "hang up"}]
)
def test_a_server_that_cannot_take_the_message_now_is_unavailable(replies: dict[str, str]):
    with serve(**replies) as (_, mailer), pytest.raises(Unavailable) as refused:
        mailer.send(MESSAGE)
    assert refused.value.code == "mail_unavailable"
    (reply,) = replies.values()
    assert reply[4:] not in refused.value.message


def test_a_server_that_does_not_listen_is_unavailable():
    with pytest.raises(Unavailable, match="cannot be used"):
        Mailer("smtp://127.0.0.1:1?from=panel@example.com").send(MESSAGE)


def test_a_password_is_never_sent_without_tls():
    with serve() as (server, _):
        mailer = Mailer(f"smtp://panel:s%2Fcret@127.0.0.1:{server.server_address[1]}?from=panel@example.com")
        with pytest.raises(Unavailable, match="no TLS"):
            mailer.send(MESSAGE)
    assert not [command for command in server.commands if command.upper().startswith("AUTH")]


@pytest.mark.parametrize("url", ["http://host?from=a@b", "smtp://?from=a@b", "smtp://host", "smtp://host?from=nobody"])
def test_a_url_that_cannot_be_used_is_refused(url: str):
    with pytest.raises(ValueError, match=r"not the URL|the sender is missing"):
        Mailer(url)
