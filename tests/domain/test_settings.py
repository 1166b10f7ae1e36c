"""The settings: what they take, what they refuse, and that README.md says the same."""

import os
from dataclasses import fields
from pathlib import Path

import pytest

from domain import settings
from domain.settings import BadSetting, Settings

README = Path(__file__).parents[2] / "README.md"


def documented() -> dict[str, tuple[str, str]]:
    """Variable → default and meaning, as the table of the README has them."""
    rows = [line.strip("|").split("|") for line in README.read_text().splitlines() if line.startswith("| `PANEL_")]
    return {name.strip(" `"): (default.strip(), doc.strip()) for name, default, doc in rows}


def test_the_readme_explains_every_setting_and_no_other_in_the_words_of_the_program():
    shown = {one.variable: one.doc for one in settings.shown({})}
    assert {name: doc for name, (_, doc) in documented().items()} == shown


def test_the_readme_tells_the_defaults(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for one in settings.shown({}):
        default, _ = documented()[one.variable]
        assert default.partition(";")[0].strip("`") == one.value, one.variable


def test_without_variables_everything_has_its_default():
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
        "PANEL_RUNTIME": "memory",
        "PANEL_RATE_LIMIT_DEFAULT": "1",
        "PANEL_RATE_LIMIT_AUTHENTICATED": "1000000",
        "PANEL_RATE_LIMIT_DEPLOY": "3",
    }
    read = settings.read(given)
    assert {one.variable: one.value for one in settings.shown(given)} == given
    assert read == Settings(**{one.name: getattr(read, one.name) for one in fields(Settings)})
    assert read.service_ports == range(30_000, 30_010)
    assert (read.host, read.database_url, read.ws_address) == ("::1", "postgresql://db/panel", "127.0.0.1:8081")
    assert isinstance(read.port, int)
    assert isinstance(read.data_dir, Path)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
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
    ],
)
def test_what_cannot_be_used_is_refused_with_what_would_do(variable: str, value: str, said: str):
    with pytest.raises(BadSetting, match=said) as refused:
        settings.read({variable: value})
    assert str(refused.value).startswith(f"{variable} is ")


def test_a_mistyped_variable_is_noticed():
    assert settings.unknown({"PANEL_PROT": "1", "PANEL_PORT": "1", "PATH": "", "panel_x": ""}) == ["PANEL_PROT"]


def test_an_ordinary_user_gets_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/bob")
    assert Settings().data_dir == Path("/home/bob/.local/share/ai-admin-panel")


@pytest.mark.parametrize(
    "secret", ["postgresql://panel:hunter2@db/panel", "postgresql://:hunter2@db", "postgresql://a:hunter2/x@db/b?c=d"]
)
def test_what_is_shown_has_no_password(secret: str):
    shown = {one.variable: one.value for one in settings.shown({"PANEL_DATABASE_URL": secret})}["PANEL_DATABASE_URL"]
    assert "hunter2" not in shown
    assert "***@db" in shown


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
def test_users_reach_the_panel_at_its_public_url_or_at_its_port(given: dict[str, object], url: str, host: str):
    configured = Settings(**given)  # type: ignore[arg-type]
    assert (configured.url, configured.public_host) == (url, host)


def test_a_password_in_a_query_is_not_shown_either():
    given = {"PANEL_REDIS_URL": "unix:///run/redis.sock?db=1&password=hunter2"}
    shown = {one.variable: one.value for one in settings.shown(given)}["PANEL_REDIS_URL"]
    assert shown == "unix:///run/redis.sock?db=1&password=***"


def test_ports_of_services_are_a_range():
    assert settings.read({"PANEL_SERVICE_PORTS": "30000-30009"}).service_ports == range(30_000, 30_010)
    assert settings.read({"PANEL_SERVICE_PORTS": "80-80"}).service_ports == range(80, 81)
    shown = {one.variable: one.value for one in settings.shown({})}
    assert shown["PANEL_SERVICE_PORTS"] == "49152-65535"


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
def test_a_range_of_ports_that_is_none_is_refused(wrong: str):
    with pytest.raises(BadSetting, match="PANEL_SERVICE_PORTS"):
        settings.read({"PANEL_SERVICE_PORTS": wrong})


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", Path("/data/ws.sock")),
        ("/run/panel/ws.sock", Path("/run/panel/ws.sock")),
        ("localhost:8081", ("localhost", 8081)),
        ("[::1]:8081", ("::1", 8081)),
    ],
)
def test_the_socket_server_listens_at_a_path_or_at_a_port(given: str, found: object):
    assert settings.read({"PANEL_WS_ADDRESS": given, "PANEL_DATA_DIR": "/data"}).socket_server == found


@pytest.mark.parametrize("wrong", ["localhost", "8081", ":8081", "localhost:", "localhost:0", "localhost:65536", "a:b"])
def test_an_address_that_is_none_is_refused(wrong: str):
    with pytest.raises(BadSetting, match="PANEL_WS_ADDRESS"):
        settings.read({"PANEL_WS_ADDRESS": wrong})
