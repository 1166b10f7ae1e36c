"""Origins that can use session cookies."""

import pytest

from domain.settings import Settings
from handlers.edge.origins import same_origin

HTTPS = Settings(public_url="https://panel.example.com")
HTTP = Settings(public_url="http://panel.example.com:8080/")
ELSEWHERE = "10.0.0.7:8080"


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        (HTTPS, "https://panel.example.com"),
        (HTTPS, "https://panel.example.com:443"),
        (HTTPS, "HTTPS://Panel.Example.COM"),
        (HTTP, "http://panel.example.com:8080"),
        (Settings(), "http://localhost:8080"),
        (Settings(port=9000), "http://localhost:9000"),
        (Settings(public_url="https://panel.example.com/below/a/path"), "https://panel.example.com"),
        (Settings(public_url="http://[2001:db8::1]:8080"), "http://[2001:db8::1]:8080"),
    ],
)
def test_an_origin_of_the_public_url_is_allowed(settings: Settings, origin: str):
    assert same_origin(settings, origin, ELSEWHERE)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://10.0.0.7:8080", "10.0.0.7:8080"),
        ("http://10.0.0.7", "10.0.0.7"),
        ("http://10.0.0.7", "10.0.0.7:80"),
        ("https://proxy.example", "proxy.example"),
        ("https://proxy.example", "proxy.example:443"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://LOCALHOST:8080", "localhost:8080"),
    ],
)
def test_an_origin_of_the_requests_host_is_allowed(origin: str, host: str):
    assert same_origin(HTTPS, origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "panel.example.com",
        "//panel.example.com",
        "https://",
        "https:panel.example.com",
        "https://panel.example.com/",
        "https://panel.example.com:8443",
        "https://panel.example.com:",
        "https://panel.example.com:443443",
        "https://panel.example.com.evil.example",
        "https://evil-panel.example.com",
        "https://evil.example",
        "https://panel.example.com@evil.example",
        "https://user@panel.example.com",
        "https://panel.example.com#evil.example",
        "https://panel.example.com?x",
        "https://panel.example.com\\.evil.example",
        "https://panel.example.com\n",
        " https://panel.example.com",
        "https://panel.example.com, https://evil.example",
        "https://panel.example.com https://evil.example",
        "https://panel.example.com, https://panel.example.com",
        "http://panel.example.com",
        "ftp://panel.example.com",
        "wss://panel.example.com",
        "file://",
        "https://panel.example.com.",
    ],
)
def test_every_other_origin_is_refused(origin: str | None):
    assert not same_origin(HTTPS, origin, ELSEWHERE)
    assert not same_origin(HTTPS, origin, "panel.example.com:8080")


@pytest.mark.parametrize("host", ["", "one.example, two.example", "a b", "one.example/", "user@one.example", "["])
def test_an_invalid_host_allows_no_origin(host: str):
    for origin in (f"http://{host}", "http://one.example", "null"):
        assert not same_origin(HTTPS, origin, host)


def test_a_plain_http_origin_is_refused_if_the_public_url_is_https():
    """An attacker between the browser and the panel could serve such a page with any `Host`."""
    assert not same_origin(HTTPS, "http://panel.example.com", "panel.example.com")
    assert same_origin(HTTP, "https://panel.example.com", "panel.example.com")
