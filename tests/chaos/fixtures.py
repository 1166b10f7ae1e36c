"""The images that users deploy: healthy, slow, crashing and missing ones, and one that detects concurrent writers."""

import json
from dataclasses import dataclass
from random import Random
from typing import Any

from docker import APIClient

from tests.engine import SECOND, SERVE, Images

_EXPOSED: dict[str, Any] = {"ExposedPorts": {"8080/tcp": {}}}
_READY = {"Test": ["CMD", "test", "-f", "/tmp/ready"], "Interval": SECOND // 5, "Timeout": SECOND, "Retries": 1000}
_GOOD, _BAD = ("web:1", "web:2", "slow:1"), ("crash:1", "nothing:1")
_BAD_SHARE = 0.2  # of all deployments of a new image
_WRITER = """\
read up _ < /proc/uptime; me=$HOSTNAME-$up; echo $IMAGE > /data/index.html
(while :; do echo $me >> /data/beats; sleep 0.3; done) & exec httpd -f -p 8080 -h /data"""
"""Each run appends its own word repeatedly: alternating words show that two runs wrote at the same time."""


@dataclass(frozen=True)
class ImageFixtures:
    """Pushes the images, and creates request bodies with them."""

    images: Images

    @classmethod
    def push(cls, docker_host: str, registry: str) -> "ImageFixtures":
        """Build the images and push them to the registry."""
        client = APIClient(docker_host, version="auto")
        images = Images(client, registry)
        images.push("web:1", **_EXPOSED)
        images.push("web:2", **_EXPOSED)
        images.push("slow:1", **_EXPOSED, Healthcheck=_READY, Cmd=f"(sleep 1.5; touch /tmp/ready) & {SERVE}")
        images.push("crash:1", Cmd="sleep 0.2; exit 3")
        images.push("writer:1", **_EXPOSED, Cmd=_WRITER, Env=["PATH=/bin", f"IMAGE={images.reference('writer:1')}"])
        client.close()
        return cls(images)

    def service_body(self, name: str, random: Random) -> dict[str, Any]:
        """Return a body that creates a service."""
        body: dict[str, Any] = {"name": name, "customer_id": random.choice((None, "cust_a", "cust_b"))}
        kind = random.choice(("image", "image", "writer", "always"))
        if kind == "image":
            return body | {"deploy_method": "image", "image": self.random_image(random), "port": 8080}
        image = self.images.reference("writer:1" if kind == "writer" else "web:1")
        component: dict[str, Any] = {"image": image, "expose": [8080]}
        if kind == "writer":
            return body | _compose(component | {"volumes": ["data:/data"]}, volumes={"data": None})
        return body | _compose(component | {"restart": "always"})

    def random_image(self, random: Random) -> str:
        """Return an image; a share of them cannot become healthy."""
        return self.images.reference(random.choice(_BAD if random.random() < _BAD_SHARE else _GOOD))


def _compose(component: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"deploy_method": "compose", "compose": json.dumps({"services": {"web": component}, **more})}
