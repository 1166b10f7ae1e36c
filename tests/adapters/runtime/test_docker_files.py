"""Files of the compose text in containers of the real engine."""

from contextlib import suppress

import pytest
from docker.errors import ImageNotFound

from domain.model.project import ContainerFile, Mount
from tests.engine import Images
from tests.runtime_setup import RuntimeSetup

pytestmark = pytest.mark.engine


def given(path: str, content: bytes = b"given\n") -> ContainerFile:
    return ContainerFile(path, content)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_has_its_content_owner_and_mode(real: RuntimeSetup, read_only: bool):
    files = (ContainerFile("/etc/new/app.conf", b"secret\n", 0o640, 7, 8), given("/c"), given("/www/index.html"))
    script = "for f in /etc/new/app.conf /c /www/index.html; do busybox stat -c '%a %u %g' $f; cat $f; done"
    printed = real.run_script("web", script, files=files, read_only=read_only)
    assert printed == ["640 7 8", "secret", "444 0 0", "given", "444 0 0", "given"]


def test_a_read_only_container_with_files_stays_read_only_and_leaves_no_image(real: RuntimeSetup, images: Images):
    spec = real.spec("web", files=(given("/c"),), read_only=True, command=("sh", "-c", "touch /x || echo no"))
    for _ in range(2):  # as after a crash
        real.runtime.create(spec)
    real.runtime.start(spec.name)
    assert real.wait_exited(spec.name).image == spec.image
    assert "no" in real.runtime.logs(spec.name, 5)
    real.runtime.remove(spec.name)
    with pytest.raises(ImageNotFound):
        images.client.inspect_image(f"panel-files:{spec.name}")
    with suppress(ImageNotFound):
        assert images.client.inspect_image(spec.image), "the component's own image stays"


def test_a_files_are_there_after_a_restart_of_the_container(real: RuntimeSetup):
    name = real.start("web", files=(given("/www/index.html"),))
    real.runtime.stop(name, 0)
    real.runtime.start(name)
    real.wait_answering(name, 8080, "/index.html")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_directory_of_given_files_has_these_files_only(real: RuntimeSetup, read_only: bool):
    mount = Mount("", "/www", read_only=True, no_copy=True)
    files = (given("/www/a.conf"), given("/www/sub/b.conf"))
    printed = real.run_script("web", "ls -R /www", files=files, mounts=[mount], read_only=read_only)
    assert printed == ["/www:", "a.conf", "sub", "", "/www/sub:", "b.conf"]


@pytest.mark.parametrize("read_only", [False, True])
def test_files_in_a_volume_of_the_service_are_written_before_the_start(real: RuntimeSetup, read_only: bool):
    mounts = [Mount(real.volume(), "/conf", no_copy=True)]
    command = ("sh", "-c", "cat /conf/app.conf; cat /c; echo kept >/conf/own; ls /conf")
    options = {"mounts": mounts, "command": command, "read_only": read_only}
    spec = real.spec("web", files=(given("/conf/app.conf"), given("/c", b"own\n")), **options)
    real.runtime.create(spec)
    real.runtime.write_files(spec)
    real.runtime.start(spec.name)
    real.wait_exited(spec.name)
    assert real.runtime.logs(spec.name, 10) == ["given", "own", "app.conf", "own"]


def test_a_file_below_a_path_in_memory_is_visible(real: RuntimeSetup):
    options = {"files": (given("/run/secrets/token"),), "tmpfs": ("/run",), "read_only": True}
    assert real.run_script("web", "cat /run/secrets/token; touch /run/x && echo yes", **options) == ["given", "yes"]


def test_no_file_of_the_host_holds_the_content(real: RuntimeSetup, images: Images):
    name = real.start("web", files=(given("/run/secrets/token"),))
    found = images.client.inspect_container(name)
    assert not found["HostConfig"]["Binds"]
    assert not found["Mounts"]
    assert "given" not in str(found["Config"])
