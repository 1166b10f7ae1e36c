"""Containers of the real engine: limits, isolation of networks, data in volumes, output."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.request import urlopen

import pytest

from domain.adapters import docker
from domain.adapters.images import HELLO
from domain.model.project import Component, Mount, Probe, Ulimit
from domain.ports.container_spec import ContainerSpec
from domain.ports.runtime import EngineRefused, ImageMissing
from tests.engine import Images
from tests.runtime_setup import RuntimeSetup

pytestmark = pytest.mark.engine
# The numbers of CAP_NET_RAW, CAP_MKNOD, CAP_AUDIT_WRITE and CAP_SETFCAP.
DENIED_BITS = (13, 27, 29, 31)


def test_limits_reach_the_engine(real: RuntimeSetup, images: Images):
    name = real.create(cpu=0.5, memory_mb=64, stop_grace=2.5, restart="on-failure", labels={**real.labels, "a": "b"})
    found = images.client.inspect_container(name)
    host = found["HostConfig"]
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (500_000_000, 64 * 2**20, 64 * 2**20)
    assert (host["PidsLimit"], host["Init"], host["Privileged"]) == (512, True, False)
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    assert host["RestartPolicy"]["Name"] == "on-failure"
    assert host["PortBindings"] in ({}, None)
    assert found["Config"]["StopTimeout"] == 3


def test_options_of_the_compose_text_reach_the_engine(real: RuntimeSetup, images: Images):
    name = real.create(
        hostname="shop",
        domainname="example.com",
        stdin_open=True,
        stop_signal="SIGQUIT",
        group_add=("1000",),
        extra_hosts={"a": "10.0.0.1", "b": "::1"},
        shm_bytes=2**20,
        init=False,
        memory_reservation_mb=32,
        cpu_shares=512,
        ulimits={"nofile": Ulimit(5, 6)},
        sysctls={"net.core.somaxconn": "99"},
    )
    found = images.client.inspect_container(name)
    config, host = found["Config"], found["HostConfig"]
    assert (config["Hostname"], config["Domainname"]) == ("shop", "example.com")
    assert (config["OpenStdin"], config["StopSignal"]) == (True, "SIGQUIT")
    assert (host["GroupAdd"], host["ExtraHosts"]) == (["1000"], ["a:10.0.0.1", "b:::1"])
    assert (host["ShmSize"], host["Init"], host["MemoryReservation"]) == (2**20, False, 32 * 2**20)
    assert (host["CpuShares"], host["Sysctls"]) == (512, {"net.core.somaxconn": "99"})
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 5, "Hard": 6}]


def test_stopped_containers_stay_stopped_when_the_engine_restarts(real: RuntimeSetup, images: Images):
    """When Docker starts, it starts even stopped containers with the restart policy `always`."""
    for given, kept in (("always", "unless-stopped"), ("unless-stopped", "unless-stopped"), ("no", "no")):
        found = images.client.inspect_container(real.create(given, restart=given))
        assert found["HostConfig"]["RestartPolicy"]["Name"] == kept


def test_a_container_cannot_gain_privileges(real: RuntimeSetup):
    status = dict(line.split(":\t") for line in real.run_script("web", "cat /proc/self/status") if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    bounding = int(status["CapBnd"], 16)
    assert not [bit for bit in DENIED_BITS if bounding >> bit & 1]
    assert bounding


def test_all_capabilities_can_be_dropped(real: RuntimeSetup):
    assert "CapBnd:\t0000000000000000" in real.run_script("web", "cat /proc/self/status", cap_drop=("ALL",))


def test_capabilities_that_docker_grants_can_be_kept_of_none(real: RuntimeSetup):
    printed = real.run_script("web", "cat /proc/self/status", cap_drop=("ALL",), cap_add=("CHOWN", "KILL"))
    assert f"CapBnd:\t{1 << 0 | 1 << 5:016x}" in printed


@pytest.mark.parametrize(("given", "limit"), [(None, 512), (7, 7), (-1, 512), (0, 512), (100_000, 512)])
def test_the_number_of_processes_is_limited(real: RuntimeSetup, images: Images, given: int | None, limit: int):
    name = real.create("web", pids=given)
    assert images.client.inspect_container(name)["HostConfig"]["PidsLimit"] == limit


def test_a_container_may_have_a_terminal_whose_output_is_read_as_text(real: RuntimeSetup):
    """The stream has no frames: a first byte of a line must not be taken for a part of one."""
    script = "test -t 1 && echo terminal; printf '\\001\\000\\000\\000\\000\\000\\000\\003abc\\n'; echo error >&2"
    name = real.start("web", "web:1", command=("sh", "-c", script), tty=True)
    real.wait_exited(name)
    expected = ["terminal", "abc", "error"]
    assert [line.text for line in real.runtime.output(name)] == expected
    assert real.runtime.logs(name, 1) == ["error"]
    with closing(real.runtime.follow(name)) as batches:
        assert [line.text for lines in batches for line in lines] == expected


def test_the_platform_reaches_the_engine(real: RuntimeSetup, images: Images):
    reference = images.reference("web:1")
    machine = images.client.inspect_image(reference)["Architecture"]
    image = real.runtime.pull(reference, lambda _: None, platform=f"linux/{machine}")
    assert image.digest
    real.create("web", "web:1", platform=f"linux/{machine}")
    other = "arm64" if machine == "amd64" else "amd64"
    with pytest.raises((EngineRefused, ImageMissing), match="platform"):
        real.create("other", "web:1", platform=f"linux/{other}")


def test_a_start_interval_reaches_engines_that_know_it(real: RuntimeSetup, images: Images):
    found = images.client.inspect_container(real.create(probe=Probe(("CMD", "true"), start_interval=1)))
    knows = tuple(map(int, images.client.api_version.split("."))) >= (1, 44)
    assert found["Config"]["Healthcheck"].get("StartInterval", 0) == (1_000_000_000 if knows else 0)


def test_a_memory_limit_is_enforced(real: RuntimeSetup):
    greedy = real.start("web", command=("sh", "-c", "x=x; while :; do x=$x$x; done"), memory_mb=16)
    assert real.wait_exited(greedy).exit_code == 137


def test_all_settings_of_a_health_check_reach_the_engine(real: RuntimeSetup, images: Images):
    probe = Probe(("CMD-SHELL", "exit 0"), interval=1.5, timeout=2, retries=7, start_period=4)
    found = images.client.inspect_container(real.create(probe=probe))["Config"]["Healthcheck"]
    second = 1_000_000_000
    assert found["Test"] == ["CMD-SHELL", "exit 0"]
    assert (found["Interval"], found["Timeout"]) == (1.5 * second, 2 * second)
    assert (found["Retries"], found["StartPeriod"]) == (7, 4 * second)


def test_a_health_check_without_a_test_keeps_that_of_the_image(real: RuntimeSetup, images: Images):
    name = real.create("web", "unhealthy:1", probe=Probe((), interval=1))
    assert images.client.inspect_container(name)["Config"]["Healthcheck"]["Test"] == ["CMD", "test", "-f", "/never"]


def test_arguments_reach_the_program_unchanged(real: RuntimeSetup):
    nasty = ("$(id)", "; ls", "`id`", "-n", "a b", '"', "'", "*", "ünï")
    name = real.start("web", command=("sh", "-c", 'printf "[%s]\\n" "$@"', "sh", *nasty))
    real.wait_exited(name)
    assert real.runtime.logs(name, 20) == [f"[{word}]" for word in nasty]


def test_environment_user_and_working_directory_reach_the_container(real: RuntimeSetup):
    given = {"environment": {"GREETING": "$HOME ${X} `id`"}, "user": "1234:77", "working_dir": "/tmp"}
    printed = real.run_script("web", 'echo "$GREETING"; id -u; id -g; pwd', **given)
    assert printed == ["$HOME ${X} `id`", "1234", "77", "/tmp"]


def test_a_read_only_container_can_write_to_its_tmpfs_only(real: RuntimeSetup):
    script = "touch /x 2>/dev/null || echo no; touch /scratch/x && echo yes"
    assert real.run_script("web", script, read_only=True, tmpfs=("/scratch:size=1m",)) == ["no", "yes"]


def test_data_in_a_volume_outlives_its_container(real: RuntimeSetup):
    volume = real.volume()
    assert real.run_script("writer", "echo kept >/data/file", mounts=[Mount(volume, "/data")]) == []
    real.runtime.remove(real.name("writer"))
    script = "cat /data/file; touch /data/other 2>/dev/null || echo read-only"
    assert real.run_script("reader", script, mounts=[Mount(volume, "/data", read_only=True)]) == ["kept", "read-only"]


def test_a_volume_is_mounted_at_two_paths(real: RuntimeSetup):
    volume = real.volume()
    mounts = [Mount(volume, "/a"), Mount(volume, "/b", read_only=True, no_copy=True)]
    script = "echo kept >/a/file; cat /b/file; touch /b/other 2>/dev/null || echo read-only"
    assert real.run_script("web", script, mounts=mounts) == ["kept", "read-only"]


def test_the_files_of_the_image_are_not_copied_into_a_volume_with_no_copy(real: RuntimeSetup, images: Images):
    name = real.create(mounts=[Mount(real.volume("a"), "/a"), Mount(real.volume("b"), "/b", no_copy=True)])
    mounts = images.client.inspect_container(name)["HostConfig"]["Mounts"]
    assert [(mount.get("VolumeOptions") or {}).get("NoCopy", False) for mount in mounts] == [False, True]


def test_no_files_of_the_host_are_mounted(real: RuntimeSetup, images: Images):
    name = real.start("web", mounts=[Mount(real.volume(), "/data")])
    found = images.client.inspect_container(name)
    assert [mount["Type"] for mount in found["Mounts"]] == ["volume"]
    assert not found["HostConfig"]["Binds"]
    assert not [
        line for line in real.run_script("ls", "ls /run /var/run 2>/dev/null; cat /proc/mounts") if ".sock" in line
    ]


def test_containers_of_a_network_reach_each_other_by_name_and_alias(real: RuntimeSetup):
    network = real.network()
    real.start("web", networks={network: ("front",)})
    for name in ("web", "front"):
        command = f"wget -q -O - http://{name}:8080/index.html"
        assert real.run_script(f"ask-{name}", command, networks={network: ()}) == [real.reference("web:1")]


def test_containers_cannot_reach_containers_of_other_networks(real: RuntimeSetup):
    web = real.start("web", networks={real.network("theirs"): ()})
    address = real.wait_until(web, lambda found: real.probe_tcp(found, 8080)).address
    assert address
    script = rf"printf 'GET /index.html HTTP/1.0\r\n\r\n' | nc -w 2 {address.host} 8080; echo; nslookup web 2>&1 | cat"
    assert real.reference("web:1") in real.run_script("friend", script, networks={real.name("theirs"): ()})
    printed = real.run_script("stranger", script, networks={real.network("ours"): ()})
    assert "can't find web" in "".join(printed)
    assert real.reference("web:1") not in printed


def test_an_internal_network_is_reachable_from_this_host(real: RuntimeSetup, images: Images):
    network = real.network(internal=True)
    assert images.client.inspect_network(network)["Internal"] is True
    real.wait_until(real.start("web", networks={network: ()}), lambda found: real.probe_tcp(found, 8080))


def test_creating_a_container_again_connects_its_missing_networks(real: RuntimeSetup, images: Images):
    networks = {real.network("one"): ("first",), real.network("two"): ("second",)}
    spec = real.spec("web", networks=networks)
    one = {real.name("one"): ("first",)}
    real.runtime.create(ContainerSpec(spec.name, spec.image, spec.component, {}, one, (), real.labels))
    real.runtime.create(spec)
    found = images.client.inspect_container(spec.name)["NetworkSettings"]["Networks"]
    assert set(found) == set(networks)
    assert {"web", "second"} <= set(found[real.name("two")]["Aliases"])
    real.runtime.start(spec.name)
    assert real.run_script("ask", "wget -q -O - http://second:8080/index.html", networks={real.name("two"): ()})


def test_a_program_that_ignores_sigterm_is_killed_after_its_grace_period(real: RuntimeSetup):
    name = real.start("sleeper", "sleeper:1")
    real.wait_until(name, lambda found: bool(real.runtime.logs(name, 1)))
    before = time.monotonic()
    real.runtime.stop(name, 1)
    assert 0.9 < time.monotonic() - before < 8
    assert real.inspect(name).exit_code == 137


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"user": "nobody-here"}, "unable to find user"),
        ({"working_dir": "not/absolute"}, "path"),
    ],
)
def test_a_container_that_cannot_start_is_refused_with_the_engines_reason(
    real: RuntimeSetup, given: dict[str, object], words: str
):
    with pytest.raises(EngineRefused, match=words):
        real.start(**given)


def test_a_missing_command_ends_with_127_and_a_message(real: RuntimeSetup):
    name = real.start("web", command=("no-such-program",))
    assert real.wait_exited(name).exit_code == 127
    assert "no-such-program" in real.runtime.logs(name, 5)[0]


def test_output_is_safe_to_show(real: RuntimeSetup):
    script = (
        r"""printf 'a\000b \033[31mred\033[0m \033]0;title\007\377\n</script>\r\n'; printf '%20000s\n' x; printf last"""
    )
    lines = real.run_script("web", script)
    assert lines[:2] == ["ab red \ufffd", "</script>"]
    assert len(lines[2]) == 8192
    assert lines[3] == "last"
    json.dumps(lines).encode()


def test_a_line_of_ten_megabytes_is_truncated_quickly(real: RuntimeSetup):
    name = real.start("web", command=("sh", "-c", "printf '%10000000s\\n' x"), memory_mb=64)
    real.wait_exited(name)
    before = time.monotonic()
    assert all(len(line) <= 8192 for line in real.runtime.logs(name, 50))
    assert time.monotonic() - before < 3


def test_cpu_usage_of_a_busy_container_is_about_its_limit(real: RuntimeSetup):
    name = real.start("web", command=("sh", "-c", "while :; do :; done"), cpu=0.4)
    assert 0.2 < real.runtime.stats([name])[name].cpu < 0.7
    time.sleep(0.3)
    assert 0.2 < real.runtime.stats([name])[name].cpu < 0.7


def test_two_processes_create_forty_networks_in_parallel(real: RuntimeSetup, docker_host: str, images: Images):
    with closing(docker.Runtime(docker_host)) as other, ThreadPoolExecutor(6) as pool:
        runtimes = [real.runtime, other]
        made = [
            pool.submit(runtimes[number % 2].create_network, real.name(f"net{number}"), real.labels)
            for number in range(40)
        ]
        for each in made:
            each.result()
    found = images.client.networks(filters={"label": [f"panel.instance={real.labels['panel.instance']}"]})
    subnets = {network["IPAM"]["Config"][0]["Subnet"] for network in found}
    assert len(subnets) == 40
    assert all(subnet.startswith("10.210.") and subnet.endswith("/27") for subnet in subnets)


def test_parallel_creations_of_one_network_create_one(real: RuntimeSetup, docker_host: str, images: Images):
    def create(_: int) -> None:
        with closing(docker.Runtime(docker_host)) as runtime:
            runtime.create_network(real.name("net"), real.labels)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(create, range(6)))
    assert len(images.client.networks(names=[real.name("net")])) == 1


def test_an_exhausted_subnet_range_is_reported(real: RuntimeSetup, docker_host: str):
    with closing(docker.Runtime(docker_host, subnets="10.211.77.0/27")) as small:
        small.create_network(real.name("one"), real.labels)
        with pytest.raises(EngineRefused, match=r"10\.211\.77\.0/27 are in use"):
            small.create_network(real.name("two"), real.labels)


def test_the_list_counts_restarts_without_inspecting_each_time(real: RuntimeSetup, images: Images):
    quiet = [real.create(f"web{number}") for number in range(3)]
    real.runtime.containers(real.labels)
    inspected: list[object] = []
    inspect = type(images.client).inspect_container
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(images.client), "inspect_container", lambda *given: inspected.append(given) or inspect(*given)
        )
        for _ in range(3):
            assert {container.name for container in real.runtime.containers(real.labels)} == set(quiet)
    assert not inspected


def test_the_hello_image_runs_as_nobody_on_a_read_only_disk(real: RuntimeSetup):
    image = real.runtime.pull(HELLO, lambda layers: None)
    component = Component("hello", HELLO, read_only=True, cap_drop=("ALL",))
    given = {"GREETING": "<b>Good & early</b>"}
    networks = {real.network(): ()}
    spec = ContainerSpec(real.name("hello"), image.digest, component, given, networks, (), real.labels)
    real.runtime.create(spec)
    real.runtime.start(spec.name)
    found = real.wait_until(spec.name, lambda found: real.probe_http(found, 8080, "/healthz", 5))
    assert found.address
    with urlopen(f"http://{found.address.host}:8080/", timeout=5) as page:
        assert b"<h1>&lt;b&gt;Good &amp; early&lt;/b&gt;</h1>" in page.read()
    assert real.runtime.logs(spec.name, 5) == ["hello listens on port 8080"]


def test_lines_of_stdout_and_stderr_keep_their_order(real: RuntimeSetup):
    script = "for n in 1 2 3; do echo out $n; sleep 0.1; echo err $n >&2; sleep 0.1; done"
    lines = real.run_script("web", script)
    assert lines == [f"{stream} {number}" for number in (1, 2, 3) for stream in ("out", "err")]
