"""A DNS with names of its own."""

from collections.abc import Sequence

from domain.ports.dns import DnsFailed
from domain.ports.transactions import in_transaction


class Dns:
    """Knows the names in `txt` and `hosts`, in lower case; other names do not exist. `away` makes every call fail."""

    def __init__(self) -> None:
        self.txt: dict[str, list[str]] = {}
        self.hosts: dict[str, list[str]] = {}
        self.away = False

    def texts(self, name: str) -> Sequence[str]:
        self._check()
        return self.txt.get(name.lower(), [])[:100]

    def addresses(self, name: str) -> Sequence[str]:
        """Return the addresses of a name, or of a wildcard that covers it."""
        self._check()
        wildcard = f"*.{name.lower().partition('.')[2]}"
        return self.hosts.get(name.lower(), self.hosts.get(wildcard, []))[:100]

    def _check(self) -> None:
        if in_transaction():
            raise RuntimeError("the DNS was asked inside a transaction")
        if self.away:
            raise DnsFailed("The name servers do not answer", details="Retry later, or check PANEL_DNS")
