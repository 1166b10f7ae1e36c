"""The panel's settings: read once from the environment, each documented at its field."""

import os
import re
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


def _folder() -> Path:
    return Path("/var/lib" if os.geteuid() == 0 else "~/.local/share").expanduser() / "ai-admin-panel"


@dataclass(frozen=True)
class Settings:
    """One field a variable: `data_dir` is `PANEL_DATA_DIR`."""

    host: str = field(default="127.0.0.1", metadata=_doc("Address to listen on, for the API and for routed services."))
    port: int = field(default=8080, metadata=_doc("Port of the API."))
    data_dir: Path = field(
        default_factory=_folder, metadata=_doc("Folder of the database, the key file and the routes.")
    )
    database_url: str = field(
        default="", metadata=_doc("postgresql://user:password@host/name. If empty, SQLite in the data folder.")
    )
    redis_url: str = field(
        default="",
        metadata=_doc(
            "redis://host:6379/0 shares rate limits and notifications among processes. If empty, none are shared."
        ),
    )
    ws_address: str = field(
        default="",
        metadata=_doc("Where the WebSocket server listens: HOST:PORT or a path. If empty, ws.sock in the data folder."),
    )
    public_url: str = field(
        default="", metadata=_doc("URL at which users reach the panel. If empty, http://localhost:PORT.")
    )
    base_domain: str = field(
        default="",
        metadata=_doc("Services are published at https://NAME.BASE_DOMAIN. If empty, at a port of this host."),
    )
    service_ports: range = field(
        default=range(49_152, 65_536), metadata=_doc("Ports of this host at which services are published.")
    )
    runtime: RuntimeName = field(
        default="docker", metadata=_doc("docker, or memory: no containers, for trying the API.")
    )
    rate_limit_default: int = field(
        default=60, metadata=_doc("Requests per minute from an address without credentials.")
    )
    rate_limit_authenticated: int = field(
        default=120, metadata=_doc("Requests per minute for a key without its own limit.")
    )
    rate_limit_deploy: int = field(default=10, metadata=_doc("Deploy operations per minute for a key."))

    @property
    def url(self) -> str:
        """Where users reach the panel, without a slash at the end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def socket_server(self) -> Path | tuple[str, int]:
        """Where the socket server listens: the path of a Unix socket, or a host and a port."""
        host, _, port = self.ws_address.rpartition(":")
        if "/" in self.ws_address or not self.ws_address:
            return Path(self.ws_address or self.data_dir / "ws.sock")
        return host.strip("[]"), int(port)

    @property
    def public_host(self) -> str:
        """The host name that services at a port of this machine are reached by."""
        return urlsplit(self.url).hostname or "localhost"


@dataclass(frozen=True)
class Shown:
    """A setting as a person reads it: its variable, what it is now (no password), and what it is for."""

    variable: str
    value: str
    doc: str


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from variables that start with `PANEL_`; raises BadSetting."""
    known = {setting.name: getattr(Settings(), setting.name) for setting in fields(Settings)}
    given = {name: environment[_variable(name)] for name in known if _variable(name) in environment}
    return Settings(**{name: _parsed(name, known[name], value) for name, value in given.items()})  # type: ignore[arg-type]


def shown(environment: Mapping[str, str]) -> list[Shown]:
    """Every setting, as the environment or its default has it."""
    default = Settings()
    return [
        Shown(variable, _masked(environment.get(variable, _text(getattr(default, one.name)))), one.metadata["doc"])
        for one in fields(Settings)
        for variable in [_variable(one.name)]
    ]


def unknown(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none: likely mistyped."""
    known = {_variable(setting.name) for setting in fields(Settings)}
    return sorted(name for name in environment if name.startswith("PANEL_") and name not in known)


def _variable(name: str) -> str:
    return f"PANEL_{name.upper()}"


def _text(value: object) -> str:
    return f"{value[0]}-{value[-1]}" if isinstance(value, range) else str(value)


def _masked(value: str) -> str:
    shown = re.sub(r"(?<=://)([^:@/]*):[^@]*(?=@)", r"\1:***", value)
    return re.sub(r"(?<=[?&]password=)[^&]*", "***", shown)


def _parsed(name: str, default: object, value: str) -> object:
    if isinstance(default, int):
        return _whole(name, value, 65_535 if name == "port" else 1_000_000)
    if isinstance(default, Path):
        return Path(value)
    if isinstance(default, range):
        return _ports(name, value)
    if name == "ws_address":
        return _address(value)
    if name == "runtime" and value not in get_args(RuntimeName):
        raise BadSetting(f"PANEL_RUNTIME is {value!r}; it takes docker or memory")
    return value


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if value and "/" not in value and not (host and port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
        raise BadSetting(
            f"PANEL_WS_ADDRESS is {value!r}; it takes HOST:PORT, or the path of a socket such as /run/ws.sock"
        )
    return value


def _ports(name: str, value: str) -> range:
    first, last = (int(word) if word.isascii() and word.isdigit() else 0 for word in f"{value}-".split("-")[:2])
    if not 1 <= first <= last <= 65_535 or value != f"{first}-{last}":
        raise BadSetting(f"{_variable(name)} is {value!r}; it takes a range of ports such as 49152-65535")
    return range(first, last + 1)


def _whole(name: str, value: str, most: int) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9 or not 1 <= int(value) <= most:
        raise BadSetting(f"{_variable(name)} is {value!r}; it takes a whole number from 1 to {most}")
    return int(value)
