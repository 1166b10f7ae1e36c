"""What a client accepts: the headers `Accept` and `Accept-Encoding` with their weights (RFC 9110 §12.5)."""

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

EVENT_STREAM = "text/event-stream"
# In the order of preference if the client has none. Parameters are part of a media type when Werkzeug compares.
_OFFERS = ("application/json", EVENT_STREAM, f"{EVENT_STREAM}; charset=utf-8")


def prefers_event_stream(accept: str) -> bool:
    """Return whether an `Accept` header prefers an event stream to JSON.

    JSON is the answer if both are equally welcome or neither is.
    """
    best = parse_accept_header(accept, MIMEAccept).best_match(_OFFERS)
    return best is not None and best.startswith(EVENT_STREAM)


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an `Accept-Encoding` header allows gzip: its own entry outweighs `*`, and `q=0` refuses it."""
    return parse_accept_header(accept_encoding).quality("gzip") > 0
