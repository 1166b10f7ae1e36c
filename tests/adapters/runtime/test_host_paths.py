"""Messages of the engine name no path of the host."""

import pytest

from domain.adapters.docker.host_paths import HIDDEN, hide_host_paths
from domain.ports.container_spec import Mount
from domain.ports.runtime import EngineRefused
from tests.runtime_setup import RuntimeSetup

LAYER = "9100de3e4ec7782491b3da6b2c4f739a62f9c9047fefc3781dec1581697ae1fe"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"lstat /srv/d/overlay2/{LAYER}/merged/www/x: not a directory", "lstat /www/x: not a directory"),
        (f'"/srv/d/overlay2/{LAYER}/merged" is full', '"/" is full'),
        (f"mkdir /srv/d/overlay2/{LAYER}-init/merged/dev: no space", "mkdir /dev: no space"),
        ('mounting "/srv/d/volumes/shop-data/_data/a" failed', 'mounting "volume shop-data/a" failed'),
        (f"open /run/containerd/io.containerd.runtime.v2.task/moby/{LAYER}/log.json: gone", f"open {HIDDEN}: gone"),
        (f"open /run/containerd/io.containerd.runtime.v2.task/moby/{LAYER}/rootfs/etc/a: no", "open /etc/a: no"),
        (
            "write /var/lib/docker/tmp/GetImageBlob1: no space left on device",
            f"write {HIDDEN}: no space left on device",
        ),
        ("write /root dir/tmp/x, read /data/docker/tmp/x", f"write /root dir/tmp/x, read {HIDDEN}"),
        (
            'exec: "/bin/nothing": stat /bin/nothing: no such file',
            'exec: "/bin/nothing": stat /bin/nothing: no such file',
        ),
        ("open /proc/sys/net/ipv4/nothing: no such file", "open /proc/sys/net/ipv4/nothing: no such file"),
        ("unable to find user nobody", "unable to find user nobody"),
    ],
)
def test_paths_of_the_host_are_hidden_and_paths_in_containers_stay(message: str, expected: str):
    assert hide_host_paths(message, "/data/docker") == expected


@pytest.mark.parametrize(
    "message",
    [
        'exec: "/bin/nothing": stat /bin/nothing: no such file or directory',
        "open /proc/sys/net/ipv4/nothing: no such file or directory",
        "invalid mount config for type bind: bind source path does not exist: /srv/data",
        "unable to find user nobody",
    ],
)
def test_other_messages_stay_as_they_are(message: str):
    assert hide_host_paths(message) == message


@pytest.mark.engine
def test_an_engine_that_refuses_a_mount_names_no_path_of_the_host(real: RuntimeSetup):
    for number, (path, words) in enumerate((("/www/index.html", "/www/index.html"), ("/proc/x", "rootfs at"))):
        with pytest.raises(EngineRefused, match=words) as refused:
            real.start(f"web{number}", "web:1", mounts=(Mount(real.volume(), path),))
        for word in ("overlay2", "_data", "merged"):
            assert word not in str(refused.value)
