"""Settings: valid values, invalid values, and that the README documents them."""

import os
from dataclasses import fields
from pathlib import Path

import pytest

from domain import settings
from domain.settings import BadSetting, Settings

README = Path(__file__).parents[2] / "README.md"


def documented() -> dict[str, tuple[str, str]]:
    """Return the default and the description of each variable in the table of the README."""
    rows = [line.strip("|").split("|") for line in README.read_text().splitlines() if line.startswith("| `PANEL_")]
    return {name.strip(" `"): (default.strip(), doc.strip()) for name, default, doc in rows}


def test_the_readme_documents_exactly_the_settings_with_the_same_text():
    described = {setting.variable: setting.doc for setting in settings.describe({})}
    assert {name: doc for name, (_, doc) in documented().items()} == described


def test_the_readme_has_the_defaults(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for setting in settings.describe({}):
        default, _ = documented()[setting.variable]
        assert default.partition(";")[0].strip("`") == setting.value, setting.variable


def test_without_variables_all_settings_have_their_defaults():
    assert settings.read({"HOME": "/home/bob", "PANELS": "1"}) == Settings()


def test_every_setting_is_read_from_the_variable_of_its_name():
    given = {
        "PANEL_HOST": "::1",
        "PANEL_PORT": "65535",
        "PANEL_DATA_DIR": "/srv/panel",
        "PANEL_DATABASE_URL": "postgresql://db/panel",
        "PANEL_REDIS_URL": "redis://cache:6379/0",
        "PANEL_WS_ADDRESS": "127.0.0.1:8081",
        "PANEL_PUBLIC_URL": "https://panel.example.com/",
        "PANEL_SERVICE_PORTS": "30000-30009",
        "PANEL_BASE_DOMAIN": "example.com",
        "PANEL_CADDY_ADMIN": "/run/caddy/admin.sock",
        "PANEL_DNS": "192.0.2.53:5353",
        "PANEL_ALLOWED_NETWORKS": "10.0.0.0/8,fd00::/8,192.168.1.7/32",
        "PANEL_HOST_ACCESS": "owner",
        "PANEL_HOST_BINDS": "/srv/media,/srv/files",
        "PANEL_RUNTIME": "memory",
        "PANEL_OIDC_ISSUER": "https://sso.example.com/realms/main",
        "PANEL_OIDC_CLIENT_ID": "panel",
        "PANEL_OIDC_CLIENT_SECRET_FILE": "/run/secrets/oidc",
        "PANEL_OIDC_ROLES": "admin=boss,operator=hands,customer=guest,viewer=eyes",
        "PANEL_OIDC_CUSTOMER_ATTRIBUTE": "tenant",
        "PANEL_KEPT_DEPLOYMENTS": "7",
        "PANEL_FRONTEND_DIR": "/srv/frontend",
        "PANEL_RATE_LIMIT_DEFAULT": "1",
        "PANEL_RATE_LIMIT_AUTHENTICATED": "1000000",
        "PANEL_RATE_LIMIT_DEPLOY": "3",
        "PANEL_RATE_LIMIT_LOGOUT": "7",
        "PANEL_STREAMS_PER_KEY": "5",
        "PANEL_STREAMS_PER_CUSTOMER": "6",
        "PANEL_CONNECTIONS_PER_ADDRESS": "4",
    }
    read = settings.read(given)
    described = {setting.variable: setting.value for setting in settings.describe(given)}
    assert described == {**given, "PANEL_OIDC_CLIENT_SECRET": "", "PANEL_SMTP_URL": ""}
    assert read == Settings(**{setting.name: getattr(read, setting.name) for setting in fields(Settings)})
    assert read.service_ports == range(30_000, 30_010)
    assert (read.host, read.database_url, read.ws_address) == ("::1", "postgresql://db/panel", "127.0.0.1:8081")
    assert isinstance(read.port, int)
    assert isinstance(read.data_dir, Path)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PANEL_PORT", "0", "from 1 to 65535"),
        ("PANEL_PORT", "65536", "from 1 to 65535"),
        ("PANEL_PORT", "", "whole number"),
        ("PANEL_PORT", "80 ", "whole number"),
        ("PANEL_PORT", "٨٠", "whole number"),
        ("PANEL_PORT", "9" * 5000, "whole number"),
        ("PANEL_RATE_LIMIT_DEPLOY", "-1", "from 1 to 1000000"),
        ("PANEL_RATE_LIMIT_DEFAULT", "1000001", "from 1 to 1000000"),
        ("PANEL_RATE_LIMIT_AUTHENTICATED", "1e3", "whole number"),
        ("PANEL_RUNTIME", "podman", "docker or memory"),
        ("PANEL_RUNTIME", "", "docker or memory"),
        ("PANEL_ALLOWED_NETWORKS", "inside", "networks such as"),
        ("PANEL_ALLOWED_NETWORKS", "10.0.0.1/8", "has host bits set"),
    ],
)
def test_an_invalid_value_is_refused_with_the_valid_values(variable: str, value: str, message: str):
    with pytest.raises(BadSetting, match=message) as refused:
        settings.read({variable: value})
    assert str(refused.value).startswith(f"{variable} is ")


def test_a_misspelled_variable_is_reported():
    assert settings.unknown_variables({"PANEL_PROT": "1", "PANEL_PORT": "1", "PATH": "", "panel_x": ""}) == [
        "PANEL_PROT"
    ]


def test_the_data_folder_of_an_ordinary_user_is_in_their_home(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/bob")
    assert Settings().data_dir == Path("/home/bob/.local/share/ai-admin-panel")


@pytest.mark.parametrize(
    "secret", ["postgresql://panel:hunter2@db/panel", "postgresql://:hunter2@db", "postgresql://a:hunter2/x@db/b?c=d"]
)
def test_a_described_setting_has_no_password(secret: str):
    values = {setting.variable: setting.value for setting in settings.describe({"PANEL_DATABASE_URL": secret})}
    assert "hunter2" not in values["PANEL_DATABASE_URL"]
    assert "***@db" in values["PANEL_DATABASE_URL"]


@pytest.mark.parametrize(
    ("given", "url", "host"),
    [
        ({}, "http://localhost:8080", "localhost"),
        ({"port": 80}, "http://localhost:80", "localhost"),
        ({"public_url": "https://panel.example.com/"}, "https://panel.example.com", "panel.example.com"),
        ({"public_url": "http://[::1]:8080"}, "http://[::1]:8080", "::1"),
        ({"public_url": "panel.example.com"}, "panel.example.com", "localhost"),
    ],
)
def test_the_url_is_the_public_url_or_the_port_of_localhost(given: dict[str, object], url: str, host: str):
    configured = Settings(**given)  # type: ignore[arg-type]
    assert (configured.url, configured.public_host) == (url, host)


def test_a_password_in_a_query_is_masked_too():
    given = {"PANEL_REDIS_URL": "unix:///run/redis.sock?db=1&password=hunter2"}
    values = {setting.variable: setting.value for setting in settings.describe(given)}
    assert values["PANEL_REDIS_URL"] == "unix:///run/redis.sock?db=1&password=***"


def test_ports_of_services_are_a_range():
    assert settings.read({"PANEL_SERVICE_PORTS": "30000-30009"}).service_ports == range(30_000, 30_010)
    assert settings.read({"PANEL_SERVICE_PORTS": "80-80"}).service_ports == range(80, 81)
    values = {setting.variable: setting.value for setting in settings.describe({})}
    assert values["PANEL_SERVICE_PORTS"] == "49152-65535"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "80",
        "80-",
        "-80",
        "90-80",
        "0-80",
        "80-65536",
        "80-90-100",
        " 80-90",
        "a-b",
        "8\N{ARABIC-INDIC DIGIT ZERO}-90",
    ],
)
def test_an_invalid_range_of_ports_is_refused(wrong: str):
    with pytest.raises(BadSetting, match="PANEL_SERVICE_PORTS"):
        settings.read({"PANEL_SERVICE_PORTS": wrong})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", Path("/data/ws.sock")),
        ("/run/panel/ws.sock", Path("/run/panel/ws.sock")),
        ("localhost:8081", ("localhost", 8081)),
        ("[::1]:8081", ("::1", 8081)),
    ],
)
def test_the_socket_server_listens_at_a_path_or_at_a_port(given: str, expected: object):
    assert settings.read({"PANEL_WS_ADDRESS": given, "PANEL_DATA_DIR": "/data"}).socket_server == expected


@pytest.mark.parametrize("wrong", ["localhost", "8081", ":8081", "localhost:", "localhost:0", "localhost:65536", "a:b"])
def test_an_invalid_address_is_refused(wrong: str):
    with pytest.raises(BadSetting, match="PANEL_WS_ADDRESS"):
        settings.read({"PANEL_WS_ADDRESS": wrong})


def test_the_secret_of_the_client_is_not_described():
    values = {item.variable: item.value for item in settings.describe({"PANEL_OIDC_CLIENT_SECRET": "hunter2"})}
    assert values["PANEL_OIDC_CLIENT_SECRET"] == "***"


def test_the_secret_of_the_client_may_be_in_a_file(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text("hunter2\n")
    assert Settings(oidc_client_secret_file=str(file)).oidc_secret == "hunter2"
    assert Settings(oidc_client_secret="other", oidc_client_secret_file=str(file)).oidc_secret == "other"


@pytest.mark.parametrize("path", ["", "/nowhere/secret", "/"])
def test_a_missing_secret_of_the_client_is_named(path: str):
    with pytest.raises(BadSetting, match="PANEL_OIDC_CLIENT_SECRET"):
        _ = Settings(oidc_client_secret_file=path).oidc_secret


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "admin",
        "admin=a",
        "admin=a,operator=b,customer=c,viewer=",
        "admin=a,operator=b,customer=c,viewer=c",
        "admin=a,operator=b,customer=c,viewer=d,owner=e",
        "admin=a,operator=b,customer=c,viewer=d,",
        "admin=a=b,operator=b,customer=c,viewer=d",
    ],
)
def test_roles_name_one_realm_role_for_each_role(wrong: str):
    with pytest.raises(BadSetting, match=r"PANEL_OIDC_ROLES is .* it takes a realm role for each role"):
        settings.read({"PANEL_OIDC_ROLES": wrong})


def test_roles_may_have_other_names_in_the_realm():
    read = settings.read({"PANEL_OIDC_ROLES": " admin = boss,operator=hands, customer=guest,viewer=eyes"})
    assert dict(read.realm_roles) == {"admin": "boss", "operator": "hands", "customer": "guest", "viewer": "eyes"}
