"""Files on hosts of the internet."""

from typing import Protocol


class WebReader(Protocol):
    """Reads small files over http."""

    def read(self, address: str, host: str, path: str) -> bytes | None:
        """Return the body of a 200 for `GET http://HOST/PATH`; None if there is none within five seconds.

        Connects to this address alone, at port 80, and follows no redirect. Bodies above 4 KiB count as none.
        """
