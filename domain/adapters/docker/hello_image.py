"""The image that the panel builds itself, so that a first deployment needs no registry."""

from domain.adapters.docker.scratch_image import ScratchImage, busybox
from domain.adapters.images import HELLO, HELLO_OUTPUT

PAGE = rb"""#!/bin/sh
escaped() { printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }
printf 'Content-Type: text/html; charset=utf-8\r\n\r\n'
printf '<!doctype html><title>Hello</title><h1>%s</h1>' "$(escaped "${GREETING:-Hello from your panel}")"
printf '<p>This page was served by container %s.</p>\n' "$(escaped "$(hostname)")"
"""


def hello_archive() -> bytes:
    """Return the archive of a web server on port 8080: `/` shows `$GREETING`, and `/healthz` answers ok."""
    return ScratchImage(
        HELLO,
        files={
            "bin/busybox": busybox(),
            "www/cgi-bin/index.cgi": PAGE,
            "www/healthz": b"ok\n",
        },
        links={f"bin/{applet}": "busybox" for applet in ("sh", "httpd", "wget", "sed", "hostname")},
        config={
            "User": "65534:65534",
            "Env": ["PATH=/bin"],
            "ExposedPorts": {"8080/tcp": {}},
            "Entrypoint": ["/bin/sh", "-c", f"echo {HELLO_OUTPUT}; exec httpd -f -p 8080 -h /www"],
        },
    ).archive()
