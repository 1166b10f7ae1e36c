"""Output for programs: each message as received, one a line."""

import sys

from handlers.program.watch.messages import Message


class JsonOutput:
    """Messages go to standard output, notices to standard error."""

    def show(self, message: Message) -> None:
        """Print a message."""
        sys.stdout.write(f"{message.text}\n")
        sys.stdout.flush()

    def notice(self, text: str) -> None:
        """Print a notice to standard error."""
        sys.stderr.write(f"{text}.\n")

    def close(self) -> None:
        """Do nothing: each message is flushed when it is printed."""
