"""Names of images: what any engine takes for one, and the one that the panel makes itself."""

import re

HELLO = "ai-admin-panel/hello:1"
HELLO_SAYS = "hello listens on port 8080"
# An id, or [host[:port]/]path[:tag][@digest]; nothing else may get into the addresses of an engine's API.
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(
    r"sha256:[0-9a-f]{64}"
    r"|([a-zA-Z0-9]+([.-]+[a-zA-Z0-9]+)*(:\d{1,5})?/)?"
    rf"{_PART}(/{_PART})*(:[A-Za-z0-9_][\w.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?",
    re.ASCII,
)
