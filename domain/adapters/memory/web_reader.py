"""Files on hosts that exist in memory only."""

from domain.ports.transactions import in_transaction


class WebReader:
    """Reads `files`, by address and URL. `asked` has the addresses that were connected to."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.asked: list[str] = []

    def read(self, address: str, host: str, path: str) -> bytes | None:
        if in_transaction():
            raise RuntimeError("a file was read inside a transaction")
        self.asked.append(address)
        return self.files.get((address, f"http://{host}{path}"))
