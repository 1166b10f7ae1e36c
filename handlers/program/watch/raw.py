"""Messages for a program: each as it came, on a line of its own."""

import sys

from handlers.program.watch.messages import Message


class Raw:
    """Messages go to standard output, and nothing else does."""

    def show(self, message: Message) -> None:
        """A message that came."""
        sys.stdout.write(f"{message.text}\n")
        sys.stdout.flush()

    def notice(self, text: str) -> None:
        """To standard error."""
        sys.stderr.write(f"{text}.\n")

    def close(self) -> None:
        """There is nothing to put away."""
