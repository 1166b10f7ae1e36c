"""The pages outside of /api: the panel's own page, and the files of a frontend."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from domain.settings import BadSetting, Settings
from handlers.frontend import open_frontend
from tests.panel import ORIGIN, Panel, start_panel


def fetch(panel: Panel, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Send a request to any path, without credentials."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(panel.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers=named)

    return panel.portal.call(send)


def assert_strict(page: httpx.Response) -> None:
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["frame-ancestors"]) == ("'self'", "'none'")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


# ── The panel's own page ─────────────────────────────────────────────────────────────────────────────


def test_the_own_page_offers_a_login_and_the_documentation(panel: Panel) -> None:
    page = fetch(panel, "/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert_strict(page)
    for part in ('href="api/auth/login?redirect=/"', 'href="api/docs"', 'data-login="key"'):
        assert part in page.text
    for path in re.findall(r'(?:src|href)="(panel[^"]+)"', page.text):
        assert_strict(fetch(panel, f"/{path}"))
    assert not re.search(r"<script>|<style>|\son\w+=|\sstyle=", page.text)


def test_the_own_page_knows_whether_people_log_in_at_a_provider(tmp_path: Path) -> None:
    with start_panel(tmp_path, oidc_issuer="https://sso.example.com/realms/main") as panel:
        assert 'data-login="provider"' in fetch(panel, "/").text


def test_the_own_page_is_kept_by_its_tag(panel: Panel) -> None:
    page = fetch(panel, "/")
    assert page.headers["cache-control"] == "no-cache"
    kept = fetch(panel, "/", if_none_match=page.headers["etag"])
    assert (kept.status_code, kept.content) == (304, b"")
    assert fetch(panel, "/", "HEAD").content == b""


def test_pages_cost_no_budget(tmp_path: Path) -> None:
    with start_panel(tmp_path, rate_limit_default=2) as panel:
        assert {fetch(panel, "/").status_code for _ in range(5)} == {200}
        assert panel.get("/health", key=None).headers["x-ratelimit-remaining"] == "1"


@pytest.mark.parametrize(
    ("path", "method"), [("/nothing", "GET"), ("/", "POST"), ("/panel.js", "DELETE"), ("/apis", "GET")]
)
def test_other_paths_and_methods_are_not_found(panel: Panel, path: str, method: str) -> None:
    refused = fetch(panel, path, method)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")


# ── A frontend ───────────────────────────────────────────────────────────────────────────────────────

FILES = {
    "index.html": "<title>Mine</title>",
    "assets/index-4f9c01ab.js": "1",
    "assets/style.a1b2c3d4e5.css": "a{}",
    "favicon.svg": "<svg/>",
    "settings.js": "2",
    "my-settings.js": "3",
    "report-20240101.js": "4",
    "docs/index.html": "<title>Docs</title>",
    ".env": "canary",
    ".git/config": "canary",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "frontend"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (tmp_path / "secret.txt").write_text("canary")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture
def served(folder: Path, tmp_path: Path) -> Iterator[Panel]:
    data = tmp_path / "data"
    data.mkdir()
    with start_panel(data, frontend_dir=str(folder)) as panel:
        yield panel


@pytest.mark.parametrize("path", ["/", "/services", "/services/svc_1/logs", "/assets", "/index.html", "/docs/"])
def test_every_page_is_the_index(served: Panel, path: str) -> None:
    page = fetch(served, path)
    assert (page.status_code, page.text, page.headers["cache-control"]) == (200, FILES["index.html"], "no-cache")
    assert page.headers["content-type"].startswith("text/html")
    assert_strict(page)


@pytest.mark.parametrize(
    ("path", "media_type", "kept"),
    [
        ("/assets/index-4f9c01ab.js", "text/javascript", True),
        ("/assets/style.a1b2c3d4e5.css", "text/css", True),
        ("/favicon.svg", "image/svg+xml", False),
        ("/settings.js", "text/javascript", False),
        ("/my-settings.js", "text/javascript", False),
        ("/report-20240101.js", "text/javascript", False),
    ],
)
def test_a_file_is_kept_for_a_year_if_its_name_has_its_hash(
    served: Panel, path: str, media_type: str, kept: bool
) -> None:
    file = fetch(served, path)
    assert (file.status_code, file.text) == (200, FILES[path.strip("/")])
    assert file.headers["content-type"].startswith(media_type)
    assert ("immutable" in file.headers["cache-control"]) == kept
    assert_strict(file)
    assert fetch(served, path, if_none_match=file.headers["etag"]).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/missing.js",
        "/assets/missing-12345678.js",
        "/.env",
        "/.git/config",
        "/%2eenv",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/link.txt",
        "/linked/secret.txt",
        "/index.html%00.js",
        "/" + "a" * 300 + ".js",
    ],
)
def test_what_is_no_file_of_the_frontend_is_not_found(served: Panel, path: str) -> None:
    refused = fetch(served, path)
    assert refused.status_code == 404
    assert "canary" not in refused.text


def test_something_that_is_no_file_is_not_opened(served: Panel) -> None:
    assert fetch(served, "/pipe").text == FILES["index.html"]


def test_the_api_stays_the_panels(served: Panel, folder: Path) -> None:
    (folder / "api").mkdir()
    (folder / "api" / "health").write_text("canary")
    for path in ("/api/health", "/api/docs", "/api", "/api/nothing"):
        assert "canary" not in fetch(served, path).text
    assert fetch(served, "/api/nothing").status_code == 404
    assert fetch(served, "/services", "POST").status_code == 404


@pytest.mark.parametrize("folder", ["/nowhere", "/etc", "/etc/passwd"])
def test_a_folder_without_an_index_is_named(folder: str) -> None:
    with pytest.raises(BadSetting, match=f"PANEL_FRONTEND_DIR is {folder}, which has no readable index.html"):
        open_frontend(Settings(frontend_dir=folder))
