"""Choose an adapter for each port: the only module that imports adapters."""

import os
from collections.abc import Callable
from pathlib import Path

from domain.adapters import (
    certificates,
    counting,
    docker,
    fernet,
    forwarder,
    git,
    memory,
    registry_prober,
    sockets,
    system,
    web_reader,
)
from domain.adapters.forwarder.port_leases import ServicePorts
from domain.adapters.sql.sealed import has_encrypted_values
from domain.adapters.sql.store import open_store
from domain.errors import Unavailable
from domain.identity.connection_limits import ConnectionLimits
from domain.ports import Ports
from domain.ports.counter import Counter
from domain.ports.dns import Dns
from domain.ports.edge import Edge
from domain.ports.identity_provider import IdentityProvider
from domain.ports.mailer import Mailer
from domain.ports.notifier import Notifier
from domain.ports.prober import Prober
from domain.ports.registry_prober import RegistryProber
from domain.ports.resolver import Resolver
from domain.ports.router import Router
from domain.ports.runtime import Runtime
from domain.ports.store import Store
from domain.ports.web_reader import WebReader
from domain.settings import BadSetting, Settings
from handlers.program.file_limit import max_connections

_FILES_PER_CONNECTION = 2  # the forwarder's: one to the client, one to the container


def open_ports(settings: Settings) -> Ports:
    """Return the ports for the settings. Raise BadSetting or Unavailable, whose message says what to do."""
    folder = _create_data_dir(settings.data_dir)
    open_shared = _shared_adapters(settings.redis_url)
    url = settings.database_url or f"sqlite:///{folder / 'panel.db'}"
    vault = _open_vault(folder / "secrets.key", url)
    store = open_store(url, vault, lambda: notifier.notify())  # noqa: PLW0108 - the notifier needs the ID in the database
    counter, notifier = open_shared(store.instance)
    runtime, prober, resolver, router = _engine_adapters(settings, store)
    dns, reader = _internet_adapters(settings)
    edge = _edge(settings.caddy_admin)
    return Ports(
        settings=settings,
        store=store,
        runtime=runtime,
        prober=prober,
        resolver=resolver,
        registry_prober=_registry_prober(settings),
        dns=dns,
        edge=edge,
        web_reader=reader,
        router=router,
        git=memory.Git() if settings.runtime == "memory" else git.Git(folder / "repositories"),
        counter=counter,
        vault=vault,
        certificates=certificates.Certificates(),
        clock=system.Clock(),
        notifier=notifier,
        identity_provider=_identity_provider(settings),
        mailer=_mailer(settings.smtp_url),
        instance=store.instance,
    )


def _open_vault(key_file: Path, url: str) -> fernet.Vault:
    """Open the vault. Raise Unavailable if the key is missing and the database has values that only it decrypts."""
    if not key_file.exists() and has_encrypted_values(url):
        raise Unavailable(
            f"The database has encrypted secrets, but the key file {key_file} is missing. Restore it from a backup. If"
            " it is lost, write a new key into it (python3 -c 'import base64, os;"
            f" print(base64.urlsafe_b64encode(os.urandom(32)).decode())' > {key_file}; chmod 600 {key_file}), start the"
            " panel, and set all secrets again",
            code="secrets_unreadable",
        )
    return fernet.Vault(key_file)


def _create_data_dir(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise BadSetting(f"PANEL_DATA_DIR is {folder}, which cannot be created: {fault.strerror}") from fault
    if not os.access(folder, os.W_OK):
        raise BadSetting(f"PANEL_DATA_DIR is {folder}, which is not writable; change its owner, or choose another")
    return folder.resolve()


def _shared_adapters(url: str) -> Callable[[str], tuple[Counter, Notifier]]:
    """Return a function from the installation's ID to counter and notifier: shared over Redis, or of this process."""
    if not url:
        return lambda _instance: (counting.Counter(), system.Notifier())
    from domain.adapters import redis  # noqa: PLC0415 - without Redis, the import would cost six megabytes

    try:
        server = redis.Server(url)
    except ValueError:  # its message may contain a part of the password
        raise BadSetting(
            "PANEL_REDIS_URL cannot be used; it takes redis://:password@host:6379/0, rediss://… for TLS, or"
            " unix:///path/redis.sock (in a password, write / as %2F, @ as %40, : as %3A)"
        ) from None
    return lambda instance: (
        redis.Counter(server, instance, counting.Counter()),
        redis.Notifier(server, instance, system.Notifier()),
    )


def _internet_adapters(settings: Settings) -> tuple[Dns, WebReader]:
    """Return what looks for proofs of custom domains."""
    if settings.runtime == "memory":
        return memory.Dns(), memory.WebReader()
    from domain.adapters import name_servers  # noqa: PLC0415 - the import would cost every start its time

    try:
        return name_servers.Dns(settings.dns), web_reader.WebReader()
    except ValueError:
        raise BadSetting(
            f"PANEL_DNS is {settings.dns!r}; it takes the address of a name server such as 192.0.2.53"
        ) from None


def _edge(address: str) -> Edge | None:
    """Return the reverse proxy for custom domains if it is configured."""
    if not address:
        return None
    from domain.adapters import caddy  # noqa: PLC0415 - not imported without it

    try:
        return caddy.Edge(address)
    except ValueError:
        raise BadSetting(
            f"PANEL_CADDY_ADMIN is {address!r}; it takes http://127.0.0.1:2019, or the path of a socket such as"
            " /run/caddy/admin.sock"
        ) from None


def _identity_provider(settings: Settings) -> IdentityProvider | None:
    """Return Keycloak if it is configured."""
    if not settings.oidc_issuer:
        return None
    from domain.adapters import keycloak  # noqa: PLC0415 - without Keycloak, the import would cost a quarter of a second

    return keycloak.IdentityProvider(keycloak.realm_of(settings), settings.oidc_secret)


def _mailer(url: str) -> Mailer | None:
    """Return the mail server if it is configured. Raise BadSetting if its URL cannot be used."""
    if not url:
        return None
    from domain.adapters import smtp  # noqa: PLC0415 - without mail, the import would cost a megabyte

    try:
        return smtp.Mailer(url)
    except ValueError:  # its message may contain a part of the password
        raise BadSetting(
            "PANEL_SMTP_URL cannot be used; it takes smtp://user:password@host:587?from=panel@example.com, or smtps://"
            " for TLS from the start (in a password, write / as %2F, @ as %40, : as %3A)"
        ) from None


def set_up_keycloak(settings: Settings, issuer: str, username: str, password: str, admin_realm: str) -> str:
    """Set a realm up for the panel and return the secret of its client. Raise BadSetting or Unavailable."""
    from domain.adapters import keycloak  # noqa: PLC0415 - see `_identity_provider`

    return keycloak.set_up_realm(settings, issuer, keycloak.Administrator(username, password, admin_realm))


def _engine_adapters(settings: Settings, store: Store) -> tuple[Runtime, Prober, Resolver, Router]:
    """Return the container engine, the prober and router that connect to its containers, and the resolver."""
    if settings.runtime == "memory":
        runtime = memory.Runtime()
        return runtime, memory.Prober(runtime), memory.Resolver(), memory.Router()
    router = forwarder.Router(
        settings.data_dir / "routes",
        settings.host,
        settings.public_host,
        settings.base_domain,
        ServicePorts(settings.service_ports, lambda: _reserved_ports(store)),
        ConnectionLimits("the forwarder", max_connections(_FILES_PER_CONNECTION), settings.connections_per_address),
    )
    return (
        docker.Runtime(os.environ.get("DOCKER_HOST"), host=settings.host),
        sockets.Prober(),
        sockets.Resolver(),
        router,
    )


def _registry_prober(settings: Settings) -> RegistryProber:
    return memory.RegistryProber() if settings.runtime == "memory" else registry_prober.RegistryProber()


def _reserved_ports(store: Store) -> set[int]:
    """Return the TCP ports of this host that services have reserved: no route may take them."""
    with store.read() as work:
        return {each.host_port for each in work.published_ports.all() if each.protocol == "tcp"}
