"""Mail by SMTP (RFC 5321), with STARTTLS or TLS."""

import logging
import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import parse_qs, unquote, urlsplit

from domain.errors import Unavailable
from domain.ports.mailer import MailRefused, Message
from domain.ports.transactions import in_transaction

_TIMEOUT = 5.0  # seconds, for each answer of the server
_PERMANENT = range(500, 600)
_LONGEST_REASON = 500  # characters
_log = logging.getLogger(__name__)


class Mailer:
    """Sends each message over a connection of its own.

    `url` is smtp://user:password@host:587?from=panel@example.com, or smtps:// for TLS from the start. With `smtp`, TLS
    begins by STARTTLS if the server offers it; credentials are never sent without TLS. Raise ValueError if the URL
    cannot be used.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("not the URL of a mail server")
        self._tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname, parts.port or (465 if self._tls else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender = parse_qs(parts.query).get("from", [""])[0]
        if "@" not in self._sender:
            raise ValueError("the sender is missing")

    def send(self, message: Message) -> None:
        if in_transaction():
            raise RuntimeError("the mail server was called inside a transaction")
        try:
            connection = self._connect()
            with closing(connection):
                connection.send_message(self._format(message), self._sender, [message.to])
                with suppress(OSError, smtplib.SMTPException):  # the server has taken the message, whatever it says now
                    connection.quit()
        except smtplib.SMTPRecipientsRefused as fault:
            ((code, text),) = fault.recipients.values()
            raise self._refusal(code, text) from fault
        except smtplib.SMTPNotSupportedError as fault:  # an address beyond ASCII, which the server does not know
            raise MailRefused("it does not know addresses beyond ASCII") from fault
        except smtplib.SMTPResponseException as fault:
            raise self._refusal(fault.smtp_code, fault.smtp_error) from fault
        except (OSError, smtplib.SMTPException) as fault:
            _log.warning("the mail server cannot be used", extra={"text": str(fault)[:_LONGEST_REASON]})
            raise self._unavailable("it does not answer as a mail server; the panel's log says how") from fault

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT, context=context)
        else:
            connection = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT)
            connection.ehlo()
            if connection.has_extn("starttls"):
                connection.starttls(context=context)
            elif self._user:
                connection.close()
                raise self._unavailable("it offers no TLS, so the password is not sent")
        if self._user:
            connection.login(self._user, self._password)
        return connection

    def _format(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._sender, message.to, message.subject
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=self._sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation replies
        mail.set_content(message.text)
        return mail

    def _refusal(self, code: int, text: bytes | str) -> Exception:
        """Return what the response of the server means. Its text is for the log, as it may say anything."""
        reason = text.decode(errors="replace") if isinstance(text, bytes) else text
        _log.warning("the mail server refuses a message", extra={"code": code, "text": reason[:_LONGEST_REASON]})
        if code in _PERMANENT:
            return MailRefused(f"it answers with the code {code}")
        return self._unavailable(f"it answers with the code {code}; the panel's log has its text")

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(
            f"The mail server {self._host} cannot be used: {reason}",
            code="mail_unavailable",
            details="Check PANEL_SMTP_URL and the mail server, then repeat the request",
        )
