"""The panel's settings: read once from the environment, each documented at its field."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

RuntimeName = Literal["docker", "memory"]


class BadSetting(Exception):  # noqa: N818
    """A setting cannot be used as it stands; the message says which one and what would do."""


def _doc(text: str) -> dict[str, str]:
    return {"doc": text}


@dataclass(frozen=True)
class Settings:
    """One field a variable: `data_dir` is `PANEL_DATA_DIR`."""

    host: str = field(default="127.0.0.1", metadata=_doc("Address to listen on, for the API and for routed services."))
    port: int = field(default=8080, metadata=_doc("Port of the API."))
    data_dir: Path = field(
        default=Path("/var/lib/ai-admin-panel"), metadata=_doc("Folder of the database, the key file and the routes.")
    )
    database_url: str = field(
        default="", metadata=_doc("postgresql://user:password@host/name; empty: SQLite in the data folder.")
    )
    public_url: str = field(default="", metadata=_doc("How users reach the panel; empty: http://localhost:PORT."))
    base_domain: str = field(
        default="", metadata=_doc("Services answer at https://NAME.BASE_DOMAIN; empty: at a port of this host.")
    )
    runtime: RuntimeName = field(
        default="docker", metadata=_doc("docker, or memory: no containers at all, for trying the API.")
    )
    rate_limit_default: int = field(default=60, metadata=_doc("Requests a minute of an address without credentials."))
    rate_limit_authenticated: int = field(default=120, metadata=_doc("Requests a minute of a key without its own."))
    rate_limit_deploy: int = field(default=10, metadata=_doc("Deploy operations a minute of a key."))

    @property
    def url(self) -> str:
        """Where users reach the panel, without a slash at the end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def public_host(self) -> str:
        """The host name that services at a port of this machine are reached by."""
        return urlsplit(self.url).hostname or "localhost"


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from variables that start with `PANEL_`; raises BadSetting."""
    known = {setting.name: setting.default for setting in fields(Settings)}
    given = {name: environment[f"PANEL_{name.upper()}"] for name in known if f"PANEL_{name.upper()}" in environment}
    return Settings(**{name: _parsed(name, known[name], value) for name, value in given.items()})  # type: ignore[arg-type]


def unknown(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none: likely mistyped."""
    known = {f"PANEL_{setting.name.upper()}" for setting in fields(Settings)}
    return sorted(name for name in environment if name.startswith("PANEL_") and name not in known)


def _parsed(name: str, default: object, value: str) -> object:
    variable = f"PANEL_{name.upper()}"
    if isinstance(default, int):
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 1_000_000:
            raise BadSetting(f"{variable} is {value!r}; it takes a whole number from 1 to 1000000")
        return int(value)
    if isinstance(default, Path):
        return Path(value)
    if name == "runtime" and value not in get_args(RuntimeName):
        raise BadSetting(f"PANEL_RUNTIME is {value!r}; it takes docker or memory")
    return value
