"""The panel's settings, read from the environment at start. Each is documented at its field."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from domain.model.role import Role

RuntimeName = Literal["docker", "memory"]
HostAccess = Literal["", "owner"]
_CHOICES = {
    "runtime": (get_args(RuntimeName), "docker or memory"),
    "host_access": (get_args(HostAccess), "owner, or nothing"),
}


class BadSetting(Exception):  # noqa: N818
    """The value of a setting is invalid. The message names the setting and the values that it takes."""


def _doc(text: str) -> dict[str, str]:
    return {"doc": text}


def _default_data_dir() -> Path:
    return Path("/var/lib" if os.geteuid() == 0 else "~/.local/share").expanduser() / "ai-admin-panel"


@dataclass(frozen=True)
class Settings:
    """One field for each variable: `data_dir` is `PANEL_DATA_DIR`."""

    host: str = field(default="127.0.0.1", metadata=_doc("Address to listen on, for the API and for routed services."))
    port: int = field(default=8080, metadata=_doc("Port of the API."))
    data_dir: Path = field(
        default_factory=_default_data_dir, metadata=_doc("Folder of the database, the key file and the routes.")
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
        metadata=_doc("Services are published at https://SUBDOMAIN.BASE_DOMAIN. If empty, at a port of this host."),
    )
    caddy_admin: str = field(
        default="",
        metadata=_doc(
            "Caddy's admin API: http://127.0.0.1:2019, or a socket's path. If empty, custom domains get no route."
        ),
    )
    dns: str = field(
        default="",
        metadata=_doc("The name server that proves custom domains: ADDRESS, or ADDRESS:PORT. If empty, the system's."),
    )
    service_ports: range = field(
        default=range(49_152, 65_536), metadata=_doc("Ports of this host at which services are published.")
    )
    allowed_networks: tuple[str, ...] = field(
        default=(),
        metadata=_doc(
            "Networks of the inside in which registries and git servers may be, such as 10.0.0.0/8. If empty, none."
        ),
    )
    host_access: HostAccess = field(
        default="",
        metadata=_doc(
            "owner lets services of admins, of no customer, have power over the host. If empty, none has any."
        ),
    )
    host_binds: str = field(
        default="", metadata=_doc("Directories, such as /srv/media,/srv/files, that admins may attach. If empty, none.")
    )
    runtime: RuntimeName = field(
        default="docker", metadata=_doc("docker, or memory: no containers, for trying the API.")
    )
    oidc_issuer: str = field(
        default="",
        metadata=_doc(
            "The Keycloak realm at which people log in: https://HOST/realms/NAME. If empty, only API keys work."
        ),
    )
    oidc_client_id: str = field(default="ai-admin-panel", metadata=_doc("The panel's client in the realm."))
    oidc_client_secret: str = field(default="", metadata={**_doc("The client's secret."), "secret": True})
    oidc_client_secret_file: str = field(default="", metadata=_doc("A file that holds the client's secret instead."))
    oidc_roles: str = field(
        default="admin=admin,operator=operator,customer=customer,viewer=viewer",
        metadata=_doc("The realm role of each role of the panel."),
    )
    oidc_customer_attribute: str = field(
        default="customer_id", metadata=_doc("The attribute of groups and accounts that names the customer.")
    )
    smtp_url: str = field(
        default="",
        metadata=_doc(
            "smtp://USER:PASSWORD@HOST:587?from=SENDER, or smtps://, sends mail to customers. If empty, none is sent."
        ),
    )
    kept_deployments: int = field(
        default=50, metadata=_doc("Ended deployments that are kept for each service, besides those for a rollback.")
    )
    frontend_dir: str = field(
        default="",
        metadata=_doc("Folder of a built frontend with index.html, served at /. If empty, a small page of the panel."),
    )
    rate_limit_default: int = field(
        default=60, metadata=_doc("Requests per minute from an address without credentials.")
    )
    rate_limit_authenticated: int = field(
        default=120, metadata=_doc("Requests per minute for a key without its own limit.")
    )
    rate_limit_deploy: int = field(default=10, metadata=_doc("Deploy operations per minute for a key."))
    rate_limit_logout: int = field(
        default=6000, metadata=_doc("Logouts per minute that an address reports: the identity provider's.")
    )
    streams_per_key: int = field(
        default=100, metadata=_doc("Event streams that a key has open at once, and WebSockets likewise.")
    )
    streams_per_customer: int = field(default=400, metadata=_doc("The same for all keys of a customer."))
    connections_per_address: int = field(
        default=512, metadata=_doc("Open connections from one address, to the API and to services each.")
    )

    @property
    def url(self) -> str:
        """Return the URL at which users reach the panel, without a trailing slash."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def realm_roles(self) -> Mapping[Role, str]:
        """Return the realm role of each role."""
        pairs = (pair.split("=") for pair in self.oidc_roles.split(","))
        return {Role(role): name for role, name in pairs}

    @property
    def oidc_secret(self) -> str:
        """Return the secret of the panel's client. Raise BadSetting if it is missing or its file cannot be read."""
        if self.oidc_client_secret:
            return self.oidc_client_secret
        if not self.oidc_client_secret_file:
            raise BadSetting(
                "PANEL_OIDC_ISSUER is set, but PANEL_OIDC_CLIENT_SECRET is not; `keycloak-setup` prints it"
            )
        try:
            return Path(self.oidc_client_secret_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise BadSetting(
                f"PANEL_OIDC_CLIENT_SECRET_FILE is {self.oidc_client_secret_file!r}, which cannot be read: {fault}"
            ) from None

    @property
    def socket_server(self) -> Path | tuple[str, int]:
        """Return where the WebSocket server listens: the path of a Unix socket, or a host and a port."""
        host, _, port = self.ws_address.rpartition(":")
        if "/" in self.ws_address or not self.ws_address:
            return Path(self.ws_address or self.data_dir / "ws.sock")
        return host.strip("[]"), int(port)

    @property
    def public_host(self) -> str:
        """Return the host name in the URLs of services that are published at a port of this host."""
        return urlsplit(self.url).hostname or "localhost"


@dataclass(frozen=True)
class SettingDescription:
    """A setting for display: its variable, its current value with passwords masked, and its documentation."""

    variable: str
    value: str
    doc: str


def read(environment: Mapping[str, str]) -> Settings:
    """Return the settings of the variables that start with `PANEL_`. Raise BadSetting if a value is invalid."""
    known = {setting.name: getattr(Settings(), setting.name) for setting in fields(Settings)}
    given = {name: environment[_variable(name)] for name in known if _variable(name) in environment}
    return Settings(**{name: _parse(name, known[name], value) for name, value in given.items()})  # type: ignore[arg-type]


def describe(environment: Mapping[str, str]) -> list[SettingDescription]:
    """Return all settings with their values from the environment, or their defaults."""
    default = Settings()
    return [
        SettingDescription(
            variable,
            _display(environment.get(variable, _format(getattr(default, setting.name))), setting.metadata),
            setting.metadata["doc"],
        )
        for setting in fields(Settings)
        for variable in [_variable(setting.name)]
    ]


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return variables that start with `PANEL_` and are no settings. They are probably misspelled."""
    known = {_variable(setting.name) for setting in fields(Settings)}
    return sorted(name for name in environment if name.startswith("PANEL_") and name not in known)


def _variable(name: str) -> str:
    return f"PANEL_{name.upper()}"


def _format(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value[0]}-{value[-1]}" if isinstance(value, range) else str(value)


def _display(value: str, metadata: Mapping[str, object]) -> str:
    return "***" if value and metadata.get("secret") else _mask_passwords(value)


def _mask_passwords(value: str) -> str:
    masked = re.sub(r"(?<=://)([^:@/]*):[^@]*(?=@)", r"\1:***", value)
    return re.sub(r"(?<=[?&]password=)[^&]*", "***", masked)


def _parse(name: str, default: object, value: str) -> object:
    if isinstance(default, int):
        return _parse_integer(name, value, 65_535 if name == "port" else 1_000_000)
    if isinstance(default, Path):
        return Path(value)
    if isinstance(default, range | tuple):
        return (_parse_range if isinstance(default, range) else _parse_networks)(name, value)
    if name in _PARSERS:
        return _PARSERS[name](value)
    return _parse_choice(name, value) if name in _CHOICES else value


def _parse_choice(name: str, value: str) -> str:
    choices, words = _CHOICES[name]
    if value not in choices:
        raise BadSetting(f"{_variable(name)} is {value!r}; it takes {words}")
    return value


def _parse_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if value and "/" not in value and not (host and port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
        raise BadSetting(
            f"PANEL_WS_ADDRESS is {value!r}; it takes HOST:PORT, or the path of a socket such as /run/ws.sock"
        )
    return value


def _parse_networks(name: str, value: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(part.strip())) for part in value.split(",") if part.strip())
    except ValueError as fault:
        raise BadSetting(
            f"{_variable(name)} is {value!r}; it takes networks such as 10.0.0.0/8,192.168.1.7: {fault}"
        ) from None


def _parse_roles(value: str) -> str:
    pairs = [tuple(part.strip() for part in pair.split("=")) for pair in value.split(",")]
    named = {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[1]}
    if len(named) != len(pairs) or named.keys() != set(Role) or len(set(named.values())) != len(named):
        raise BadSetting(
            f"PANEL_OIDC_ROLES is {value!r}; it takes a realm role for each role, such as"
            " admin=panel-admin,operator=panel-operator,customer=panel-customer,viewer=panel-viewer"
        )
    return ",".join(f"{role}={name}" for role, name in named.items())


_PARSERS = {"ws_address": _parse_address, "oidc_roles": _parse_roles}


def _parse_range(name: str, value: str) -> range:
    first, last = (int(part) if part.isascii() and part.isdigit() else 0 for part in f"{value}-".split("-")[:2])
    if not 1 <= first <= last <= 65_535 or value != f"{first}-{last}":
        raise BadSetting(f"{_variable(name)} is {value!r}; it takes a range of ports such as 49152-65535")
    return range(first, last + 1)


def _parse_integer(name: str, value: str, maximum: int) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9 or not 1 <= int(value) <= maximum:
        raise BadSetting(f"{_variable(name)} is {value!r}; it takes a whole number from 1 to {maximum}")
    return int(value)
