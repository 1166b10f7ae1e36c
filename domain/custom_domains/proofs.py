"""Proofs that a host belongs to whoever attaches it: a TXT record, or a file that the host serves."""

from dataclasses import dataclass

from domain.model import host_name
from domain.model.custom_domain import CustomDomain


@dataclass(frozen=True)
class Record:
    """A TXT record."""

    name: str
    value: str


@dataclass(frozen=True)
class ProofFile:
    """A file on a host, read over http."""

    host: str
    path: str
    content: str

    @property
    def url(self) -> str:
        """The URL of the file."""
        return f"http://{self.host}{self.path}"


def record_of(domain: CustomDomain) -> Record:
    """Return the record that proves a domain."""
    return Record(f"_ai-admin-panel.{host_name.plain(domain.host)}", f"ai-admin-panel={domain.token}")


def file_of(domain: CustomDomain) -> ProofFile | None:
    """Return the file that proves a domain; None for a wildcard, which no single host can prove."""
    if host_name.is_wildcard(domain.host):
        return None
    return ProofFile(domain.host, f"/.well-known/ai-admin-panel/{domain.id}", domain.token)
