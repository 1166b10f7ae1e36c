"""The document as it is published: byte for byte the file, compressed for whoever wants that, and not sent twice."""

import gzip
from importlib.resources import files

import yaml

from handlers.static_asset import StaticAsset
from tests.panel import Panel

FILE = (files("spec") / "openapi.yaml").read_bytes()


def test_the_document_is_the_file_byte_for_byte(panel: Panel) -> None:
    for key in (None, "", "wrong"):
        served = panel.get("/openapi.yaml", key=key, headers={"Accept-Encoding": "identity"})
        assert (served.status_code, served.headers["content-type"]) == (200, "application/yaml")
        assert served.content == FILE
        assert int(served.headers["content-length"]) == len(FILE)
        assert "content-encoding" not in served.headers


def test_the_document_is_compressed_if_the_client_accepts_gzip(panel: Panel) -> None:
    for accepted in ("gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "GZIP", "*"):
        served = panel.get("/openapi.yaml", headers={"Accept-Encoding": accepted})
        assert served.headers.get("content-encoding") == "gzip", accepted
        assert served.content == FILE
        assert int(served.headers["content-length"]) < len(FILE) / 5


def test_the_document_is_not_compressed_if_the_client_does_not_accept_gzip(panel: Panel) -> None:
    for accepted in ("identity", "", "br", "gzip;q=0", "gzip; q=0.0, identity", "deflate", "x-gzipped", "*;q=0"):
        served = panel.get("/openapi.yaml", headers={"Accept-Encoding": accepted})
        assert "content-encoding" not in served.headers, accepted
        assert served.headers["vary"] == "Accept-Encoding"


def test_a_matching_etag_returns_304(panel: Panel) -> None:
    tag = panel.get("/openapi.yaml", key=None).headers["etag"]
    for given in (tag, f"W/{tag}", "*", f'"other", {tag}'):
        unchanged = panel.get("/openapi.yaml", key=None, headers={"If-None-Match": given})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    assert panel.get("/openapi.yaml", key=None, headers={"If-None-Match": '"other"'}).content == FILE


def test_the_documents_server_is_the_panel_that_serves_it() -> None:
    assert [server["url"] for server in yaml.safe_load(FILE)["servers"]] == ["/api"]


def test_the_etag_depends_on_the_content_alone() -> None:
    one, same, other = (StaticAsset(content, "text/plain") for content in (b"a", b"a", b"b"))
    assert one.etag == same.etag != other.etag
    assert one.answer().content == b"a"
    assert gzip.decompress(one.answer("gzip").content) == b"a"
