"""The edge on the real Caddy: what requests meet, and what stays as the operator configured it."""

from copy import deepcopy
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from domain.adapters import caddy as brand
from domain.ports.edge import EdgeFailed, EdgeRoute, OwnCertificate
from domain.ports.router import Target
from tests.caddy import Caddy, caddy, serve_text  # noqa: F401
from tests.certificate_texts import issue

pytestmark = pytest.mark.caddy
HOST = "shop.example.com"
REFUSED = Target("127.0.0.1", 9)


def test_the_most_specific_route_gets_a_request(caddy: Caddy) -> None:  # noqa: F811
    edge = brand.Edge(caddy.admin)
    with serve_text("shop") as shop, serve_text("api") as api, serve_text("any") as other:
        edge.apply(
            [
                EdgeRoute("dom_1", "*.example.com", "/", other),
                EdgeRoute("dom_2", HOST, "/", shop),
                EdgeRoute("dom_3", HOST, "/api", api),
            ]
        )
        assert caddy.get(HOST)[:2] == (200, "shop /")
        assert caddy.get(HOST, "/api/v1?a=b")[:2] == (200, "api /api/v1?a=b")
        assert caddy.get(HOST, "/apis")[:2] == (200, "shop /apis")
        assert caddy.get("blog.example.com")[:2] == (200, "any /")


def test_http_is_redirected_unless_the_domain_serves_both(caddy: Caddy) -> None:  # noqa: F811
    edge = brand.Edge(caddy.admin)
    with serve_text("shop") as shop:
        edge.apply([EdgeRoute("dom_1", HOST, "/", shop)])
        assert caddy.get(HOST, "/a?b=c", "http") == (308, "", f"https://{HOST}/a?b=c")
        edge.apply([EdgeRoute("dom_1", HOST, "/", shop, force_https=False)])
        assert caddy.get(HOST, "/a", "http")[:2] == (200, "shop /a")


def test_a_redirect_leads_to_the_other_host(caddy: Caddy) -> None:  # noqa: F811
    brand.Edge(caddy.admin).apply([EdgeRoute("dom_1", HOST, "/", REFUSED, redirect_to="www.example.com")])
    for scheme in ("http", "https"):
        assert caddy.get(HOST, "/a?b=c", scheme) == (308, "", "https://www.example.com/a?b=c")


def test_what_others_have_configured_stays_as_it_is(caddy: Caddy) -> None:  # noqa: F811
    operators = caddy.configuration()
    operators["apps"]["http"]["servers"] = {
        "theirs": {
            "listen": [f":{caddy.port('http')}"],
            "automatic_https": {"disable": True},
            "routes": [{"@id": "theirs", "handle": [{"handler": "static_response", "body": "theirs"}]}],
        }
    }
    caddy.configure(operators)
    before, edge = caddy.configuration(), brand.Edge(caddy.admin)
    with serve_text("shop") as shop:
        edge.apply([EdgeRoute("dom_1", HOST, "/", shop, force_https=False)])
        assert caddy.get(HOST, scheme="http")[:2] == (200, "shop /")
        assert caddy.get("theirs.example.com", scheme="http")[:2] == (200, "theirs")
    during = deepcopy(caddy.configuration())
    del during["apps"]["http"]["servers"]["ai_admin_panel_https"]
    during["apps"]["http"]["servers"]["theirs"]["routes"].pop(0)
    assert during == before
    edge.apply([])
    assert caddy.configuration() == before


def test_an_uploaded_certificate_is_served_and_can_be_replaced(caddy: Caddy) -> None:  # noqa: F811
    edge, first, second = brand.Edge(caddy.admin), issue(HOST), issue(HOST)
    for issued in (first, second):
        edge.apply([EdgeRoute("dom_1", HOST, "/", REFUSED, certificate=OwnCertificate(issued.chain, issued.key_text))])
        assert caddy.certificate(HOST) == issued.certificate.public_bytes(Encoding.DER)
    edge.apply([EdgeRoute("dom_1", HOST, "/", REFUSED)])
    assert caddy.certificate(HOST) != second.certificate.public_bytes(Encoding.DER)


def test_the_file_with_private_keys_is_for_its_owner_alone(caddy: Caddy) -> None:  # noqa: F811
    issued = issue(HOST)
    certificate = OwnCertificate(issued.chain, issued.key_text)
    brand.Edge(caddy.admin).apply([EdgeRoute("dom_1", HOST, "/", REFUSED, certificate=certificate)])
    saved = [file for file in Path(caddy.folder).rglob("*.json") if "PRIVATE" in file.read_text()]
    assert [file.name for file in saved] == ["autosave.json"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in saved)
    assert "PRIVATE" not in (caddy.folder / "caddy.log").read_text()


def test_a_configuration_that_caddy_refuses_leaves_the_old_one(caddy: Caddy) -> None:  # noqa: F811
    edge = brand.Edge(caddy.admin)
    edge.apply([EdgeRoute("dom_1", HOST, "/", REFUSED)])
    before = caddy.configuration()
    with pytest.raises(EdgeFailed, match="refuses"):
        edge.apply([EdgeRoute("dom_1", HOST, "/", REFUSED, certificate=OwnCertificate("no", "certificate"))])
    assert caddy.configuration() == before


def test_a_caddy_that_is_away_is_named(tmp_path: Path) -> None:
    for address in (str(tmp_path / "none.sock"), "http://127.0.0.1:9"):
        with pytest.raises(EdgeFailed, match="does not answer"):
            brand.Edge(address).apply([])
