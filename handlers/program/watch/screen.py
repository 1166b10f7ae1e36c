"""Messages for a person: a line for each change of state, lines of logs, and a bar while images are pulled."""

from datetime import datetime

from rich.console import Console
from rich.text import Text

from handlers.program.watch import words
from handlers.program.watch.messages import Message
from handlers.program.watch.panel import Panel
from handlers.program.watch.pulls import Pulls

_NAME = 14


class Screen:
    """Standard output; colours and bars only where it is a terminal."""

    def __init__(self, panel: Panel, console: Console | None = None) -> None:
        self._panel = panel
        self._console = console or Console(highlight=False)
        self._last: dict[str, words.Words | None] = {}
        self._pulls = Pulls(panel, self._console)

    def show(self, message: Message) -> None:
        """Say what it tells, if that is news."""
        if message.type == "service.logs":
            self._lines(message)
        elif message.type == "error":
            error = message.body["error"]
            self.notice(f"{error['message']}: {error['details']}" if error.get("details") else error["message"])
        elif message.data:
            self._event(message)

    def notice(self, text: str) -> None:
        """To standard error, so that what is kept of the output holds events alone."""
        self._pulls.close()
        Console(stderr=True, highlight=False).print(Text(f"{_plain(text)}.", "yellow"), soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._pulls.close()

    def _event(self, message: Message) -> None:
        told = words.of(message)
        if told and told != self._last.get(message.body["resource"]):
            self._say(message, *told)
        self._last[message.body["resource"]] = told
        if words.pulls(message):
            news = self._pulls.tell(self._name(message), message)
            if news and not self._console.is_terminal:
                self._say(message, news, words.DULL)
        elif message.type == "operation.progress":
            self._pulls.end(message)

    def _say(self, message: Message, told: str, style: str) -> None:
        why: tuple[str, ...] = ()
        if message.data.get("status") in words.ENDED_BADLY and message.type != "service.status":
            why = self._panel.failure(message.body["resource"])
        self._print(message.body["at"], self._name(message), (f"{told}: {why[0]}" if why else told, style))
        for line in why[1:]:
            self._print(message.body["at"], self._name(message), (f"  {line}", "dim"))

    def _lines(self, message: Message) -> None:
        for line in message.data["lines"]:
            self._print(line["at"], self._name(message), (f"{line['component']} | ", "cyan"), (line["text"], ""))

    def _name(self, message: Message) -> str:
        return self._panel.name(message.data["service_id"])

    def _print(self, at: str, name: str, *parts: tuple[str, str]) -> None:
        clock = datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S")
        safe = ((_plain(text), style) for text, style in parts)
        line = Text.assemble((clock, "dim"), "  ", (f"{name:{_NAME}}", "bold"), "  ", *safe)
        self._console.print(line, soft_wrap=True)


def _plain(text: str) -> str:
    """Nothing that a terminal would obey."""
    return "".join(one if one.isprintable() else " " if one == "\t" else "\N{REPLACEMENT CHARACTER}" for one in text)
