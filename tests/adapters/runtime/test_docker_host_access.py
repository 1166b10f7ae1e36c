"""Power over the host, which only services of the host's owner have, at the real engine."""

from pathlib import Path

import pytest

from domain.model.project import HostAccess, HostMount
from tests.engine import Images
from tests.runtime_setup import RuntimeSetup

pytestmark = pytest.mark.engine


def test_the_owners_container_has_what_it_asks_for(real: RuntimeSetup, images: Images, tmp_path: Path):
    (tmp_path / "file").write_text("of the host\n")
    host = HostAccess(
        devices=("/dev/null:/dev/own:rw",),
        capabilities=("NET_ADMIN", "NET_RAW"),
        mounts=(HostMount(str(tmp_path), "/host", True),),
        namespaces=frozenset({"network", "uts"}),
    )
    script = "cat /host/file; touch /host/x 2>/dev/null || echo read-only; ls /dev/own"
    name = real.start("web", command=("sh", "-c", script), networks={}, host=host, hostname="own")
    real.wait_exited(name)
    assert real.runtime.logs(name, 5) == ["of the host", "read-only", "/dev/own"]
    found = images.client.inspect_container(name)["HostConfig"]
    assert (found["NetworkMode"], found["UTSMode"], found["Privileged"]) == ("host", "host", False)
    assert set(found["CapAdd"]) in ({"NET_ADMIN", "NET_RAW"}, {"CAP_NET_ADMIN", "CAP_NET_RAW"})


def test_a_privileged_container_has_no_restrictions(real: RuntimeSetup, images: Images):
    name = real.create("web", host=HostAccess(privileged=True))
    found = images.client.inspect_container(name)["HostConfig"]
    assert (found["Privileged"], found["CapDrop"]) == (True, None)


def test_a_container_in_the_hosts_network_is_reached_at_the_host(real: RuntimeSetup):
    host = HostAccess(namespaces=frozenset({"network"}))
    script = "exec httpd -f -p 18080 -h /www"
    name = real.start("web", command=("sh", "-c", script), networks={}, host=host)
    real.wait_answering(name, 18080, "/index.html")
