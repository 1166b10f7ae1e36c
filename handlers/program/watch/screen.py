"""Output for a person: a line for each change of status, log lines, and a bar while images are pulled."""

from datetime import datetime

from rich.console import Console
from rich.text import Text

from handlers.program.watch import event_text
from handlers.program.watch.messages import Message
from handlers.program.watch.panel_client import PanelClient
from handlers.program.watch.pull_progress import PullProgress

_NAME_WIDTH = 14


class Screen:
    """Events on standard output; colours and bars only if it is a terminal."""

    def __init__(self, panel: PanelClient, console: Console | None = None) -> None:
        self._panel = panel
        self._console = console or Console(highlight=False)
        self._last_texts: dict[str, event_text.StyledText | None] = {}
        self._pull_progress = PullProgress(panel, self._console)

    def show(self, message: Message) -> None:
        """Print a message, unless its text is the last one that was printed for its resource."""
        if message.type == "service.logs":
            self._print_log_lines(message)
        elif message.type == "error":
            error = message.body["error"]
            self.notice(f"{error['message']}: {error['details']}" if error.get("details") else error["message"])
        elif message.data:
            self._show_event(message)

    def notice(self, text: str) -> None:
        """Print a notice to standard error, so that standard output contains events only."""
        self._pull_progress.close()
        Console(stderr=True, highlight=False).print(Text(f"{_printable(text)}.", "yellow"), soft_wrap=True)

    def close(self) -> None:
        """Remove the progress bars."""
        self._pull_progress.close()

    def _show_event(self, message: Message) -> None:
        styled = event_text.describe(message)
        if styled and styled != self._last_texts.get(message.body["resource"]):
            self._print_event(message, *styled)
        self._last_texts[message.body["resource"]] = styled
        if event_text.is_pull_progress(message):
            status = self._pull_progress.update(self._name(message), message)
            if status and not self._console.is_terminal:
                self._print_event(message, status, event_text.NEUTRAL)
        elif message.type == "operation.progress":
            self._pull_progress.finish(message)

    def _print_event(self, message: Message, text: str, style: str) -> None:
        failure: tuple[str, ...] = ()
        if message.data.get("status") in event_text.UNSUCCESSFUL and message.type != "service.status":
            failure = self._panel.failure(message.body["resource"])
        self._print(message.body["at"], self._name(message), (f"{text}: {failure[0]}" if failure else text, style))
        for line in failure[1:]:
            self._print(message.body["at"], self._name(message), (f"  {line}", "dim"))

    def _print_log_lines(self, message: Message) -> None:
        for line in message.data["lines"]:
            self._print(line["at"], self._name(message), (f"{line['component']} | ", "cyan"), (line["text"], ""))

    def _name(self, message: Message) -> str:
        return self._panel.name(message.data["service_id"])

    def _print(self, at: str, name: str, *parts: tuple[str, str]) -> None:
        clock = datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S")
        safe = ((_printable(text), style) for text, style in parts)
        line = Text.assemble((clock, "dim"), "  ", (f"{name:{_NAME_WIDTH}}", "bold"), "  ", *safe)
        self._console.print(line, soft_wrap=True)


def _printable(text: str) -> str:
    """Replace control characters, which a terminal would interpret."""
    return "".join(map(_printable_character, text))


def _printable_character(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character == "\t" else "\N{REPLACEMENT CHARACTER}"
