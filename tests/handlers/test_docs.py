"""Swagger UI at /api/docs: files that travel with the panel, under a policy that lets nothing else in."""

import gzip
import re
from importlib.resources import files
from itertools import product

from tests.panel import Panel

PAGES = {
    "/docs": ("index.html", "text/html; charset=utf-8"),
    "/docs/start.js": ("start.js", "text/javascript; charset=utf-8"),
    "/docs/swagger-ui.css": ("swagger-ui.css", "text/css; charset=utf-8"),
    "/docs/page.css": ("page.css", "text/css; charset=utf-8"),
    "/docs/swagger-ui-bundle.js": ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
}


def _file(name: str) -> bytes:
    return (files("handlers.docs") / name).read_bytes()


def test_every_file_of_the_docs_is_served_without_credentials(panel: Panel) -> None:
    for path, (name, media_type) in PAGES.items():
        page = panel.get(path, key=None)
        assert (page.status_code, page.headers["content-type"], page.content) == (200, media_type, _file(name))


def test_the_docs_ignore_a_wrong_key(panel: Panel) -> None:
    assert panel.get("/docs", key="wrong").status_code == 200


def test_the_content_security_policy_allows_only_files_of_the_panel(panel: Panel) -> None:
    for path in PAGES:
        page = panel.get(path, key=None)
        policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' data:",
            "connect-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"


def test_the_page_loads_only_files_that_the_panel_serves(panel: Panel) -> None:
    page = panel.get("/docs", key=None).text
    asked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert [panel.get(f"/{path}", key=None).status_code for path in asked if path != "data:,"] == [200] * 4
    assert re.search(r"<script(?! src=)|<style|style=|\son\w+=|https?:", page) is None
    start = panel.get("/docs/start.js", key=None).text
    assert re.findall(r'url: "([^"]+)"', start) == ["openapi.yaml"]
    assert "validatorUrl: null" in start


def test_the_docs_are_compressed_and_cacheable(panel: Panel) -> None:
    for path, (name, _) in PAGES.items():
        compressed = panel.get(path, key=None, headers={"Accept-Encoding": "gzip"})
        assert compressed.headers["content-encoding"] == "gzip"
        assert int(compressed.headers["content-length"]) < len(_file(name)) or name in {"index.html", "start.js"}
        plain = panel.get(path, key=None, headers={"Accept-Encoding": "identity"})
        assert (plain.content, plain.headers["vary"]) == (_file(name), "Accept-Encoding")
        for tag in (plain.headers["etag"], f"W/{plain.headers['etag']}", "*", f'"x", {plain.headers["etag"]}'):
            unchanged = panel.get(path, key=None, headers={"If-None-Match": tag})
            assert (unchanged.status_code, unchanged.content) == (304, b""), tag
            assert "content-security-policy" in unchanged.headers
        assert panel.get(path, key=None, headers={"If-None-Match": '"other"'}).status_code == 200


def test_head_returns_the_headers_of_get(panel: Panel) -> None:
    for path in PAGES:
        got, headed = (panel.request(method, path, key=None) for method in ("GET", "HEAD"))
        assert (headed.status_code, headed.content) == (200, b"")
        for name in ("content-type", "content-length", "etag", "content-security-policy"):
            assert headed.headers[name] == got.headers[name]


def test_other_paths_below_docs_are_not_found(panel: Panel) -> None:
    for path in (
        "/docs/",
        "/docs/LICENSE",
        "/docs/__init__.py",
        "/docs/../server.py",
        "/docs/%2e%2e/server.py",
        "/docs/x",
    ):
        missing = panel.get(path, key=None)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found"), path


def test_the_docs_accept_only_get_and_head(panel: Panel) -> None:
    for path, method in product(PAGES, ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")):
        refused = panel.request(method, path, key=None)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        assert refused.json()["error"]["code"] == "method_not_allowed"


def test_the_docs_are_swagger_ui_5_with_its_licence() -> None:
    assert re.search(rb'version:"5\.\d+\.\d+"|"5\.\d+\.\d+"', _file("swagger-ui-bundle.js"))
    assert b"Apache License" in _file("LICENSE")


def test_decompressed_files_equal_the_originals(panel: Panel) -> None:
    raw = panel.portal.call(panel._send, "GET", "/api/docs/start.js", {"Accept-Encoding": "gzip"}, {})
    assert raw.headers["content-encoding"] == "gzip"
    assert raw.content == _file("start.js")
    assert len(gzip.compress(raw.content, mtime=0)) == int(raw.headers["content-length"])
