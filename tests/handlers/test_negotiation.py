"""JSON or an event stream, by the weights of the Accept header."""

import pytest

from handlers.negotiation import accepts_gzip, prefers_event_stream
from tests.panel import Panel

JSON, STREAM = "application/json", "text/event-stream"
ACCEPTED = [
    ("", JSON),
    ("*/*", JSON),
    ("application/*", JSON),
    (JSON, JSON),
    (f"{JSON}, {STREAM};q=0", JSON),
    (f"{JSON}, {STREAM}", JSON),
    (f"{STREAM}, {JSON}", JSON),
    (f"{STREAM};q=0.5, {JSON}", JSON),
    (f"{STREAM};q=0", JSON),
    (f"{STREAM};q=0, */*", JSON),
    ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
    ("image/png", JSON),
    ("text/plain", JSON),
    (f"x-{STREAM}", JSON),
    (f'image/png; note="{STREAM}"', JSON),
    (";;;,q=1,/", JSON),
    (f"{STREAM};q=nonsense", JSON),
    (STREAM, STREAM),
    (STREAM.upper(), STREAM),
    (f"{STREAM}; charset=utf-8", STREAM),
    (f"{STREAM}, */*;q=0.1", STREAM),
    (f"{JSON};q=0.5, {STREAM}", STREAM),
    (f"{JSON};q=0, */*", STREAM),
    ("text/*", STREAM),
]


@pytest.mark.parametrize(("accept", "expected"), ACCEPTED)
def test_an_event_stream_is_returned_if_the_client_prefers_it(accept: str, expected: str) -> None:
    assert prefers_event_stream(accept) == (expected == STREAM)


def test_logs_of_a_deployment_have_the_media_type_that_the_client_prefers(panel: Panel) -> None:
    path = f"/deployments/{panel.service()['deployment_id']}/logs"
    for accept, expected in ACCEPTED:
        response = panel.get(path, headers={"Accept": accept})
        assert (response.status_code, response.headers["content-type"]) == (200, expected), accept


def test_events_are_json_unless_the_client_prefers_a_stream(panel: Panel) -> None:
    for accept in (accept for accept, expected in ACCEPTED if expected == JSON):
        assert panel.get("/events", headers={"Accept": accept}).headers["content-type"] == JSON, accept


@pytest.mark.timeout(10)
def test_headers_of_60_kb_are_read_without_delay() -> None:
    for value in ("," * 60_000, ";" * 60_000, '"' * 60_000, "a/b;" * 15_000, f"{STREAM};q=0.1," * 2_000):
        assert isinstance(prefers_event_stream(value), bool)
        assert isinstance(accepts_gzip(value), bool)
