"""What a client accepts: the headers `Accept` and `Accept-Encoding` with their weights (RFC 9110 §12.5)."""

from collections.abc import Sequence

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
CSV = "text/csv"
LINES = "application/x-ndjson"
EXTENSIONS = {CSV: "csv", LINES: "ndjson"}
"""How the names of files of these media types end."""


def prefers_event_stream(accept: str) -> bool:
    """Return whether an `Accept` header prefers an event stream to JSON.

    JSON is the answer if both are equally welcome or neither is.
    """
    return preferred_type(accept, (EVENT_STREAM,)) == EVENT_STREAM


def preferred_type(accept: str, others: Sequence[str]) -> str:
    """Return which media type an `Accept` header prefers: JSON, also if nothing is preferred, or one of the others."""
    # Parameters are part of a media type when Werkzeug compares.
    offers = (JSON, *(offer for other in others for offer in (other, f"{other}; charset=utf-8")))
    best = parse_accept_header(accept, MIMEAccept).best_match(offers)
    return JSON if best is None else best.partition(";")[0]


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an `Accept-Encoding` header allows gzip: its own entry outweighs `*`, and `q=0` refuses it."""
    return parse_accept_header(accept_encoding).quality("gzip") > 0
