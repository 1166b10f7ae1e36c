"""Image references: their syntax, and the image that the panel builds itself."""

import re

HELLO = "ai-admin-panel/hello:1"
HELLO_OUTPUT = "hello listens on port 8080"
# An image id, or [host[:port]/]path[:tag][@digest]. Nothing else may become part of a URL of the engine's API.
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(
    r"sha256:[0-9a-f]{64}"
    r"|([a-zA-Z0-9]+([.-]+[a-zA-Z0-9]+)*(:\d{1,5})?/)?"
    rf"{_PART}(/{_PART})*(:[A-Za-z0-9_][\w.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?",
    re.ASCII,
)
