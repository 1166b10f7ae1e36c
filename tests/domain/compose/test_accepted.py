"""Every accepted field without a warning, and what it becomes."""

from collections.abc import Callable

import pytest

from domain.compose import CheckResult, check
from domain.model.project import Component, Mount, Probe, Project, Ulimit

DIGEST = "sha256:" + "a" * 64
SHELL = ("CMD-SHELL", "curl localhost")

ACCEPTED = [
    ("command: serve --port 80", "command", ("serve", "--port", "80")),
    ("command: 'say \"two words\" one\\ word'", "command", ("say", "two words", "one word")),
    ("command: [sleep, 5, yes, '', '$$HOME', 'a b']", "command", ("sleep", "5", "yes", "", "$HOME", "a b")),
    ("command: []", "command", ()),
    ("command: ''", "command", ()),
    ("command:", "command", None),
    ("command: [a, '-x; rm -rf / | $$(id) `id` & \\n']", "command", ("a", "-x; rm -rf / | $(id) `id` & \\n")),
    ("entrypoint: /bin/app -v", "entrypoint", ("/bin/app", "-v")),
    ("entrypoint: [/bin/app, -v]", "entrypoint", ("/bin/app", "-v")),
    ("environment: {A: 1, B: yes, C: 22:22, D: '0o14', E: '1.0', F: '', G: true, H: TRUE}", "environment",
     {"A": "1", "B": "yes", "C": "22:22", "D": "0o14", "E": "1.0", "F": "", "G": "true", "H": "true"}),
    ("environment: {A-B: x, a.b: x, 'a:b': x, 'A B': x, 1A: x, 'Ä': x, x-a: x}", "environment",
     dict.fromkeys(["A-B", "a.b", "a:b", "A B", "1A", "Ä", "x-a"], "x")),
    ("environment: ['A=1', 'A=2']", "environment", {"A": "2"}),
    ("environment: [A=1, B=, 'C=x=y', 'D=a b']", "environment", {"A": "1", "B": "", "C": "x=y", "D": "a b"}),
    ("environment:\n  A: |\n    two\n    lines\n", "environment", {"A": "two\nlines\n"}),
    ("environment:", "environment", {}),
    ("expose: [80, '8080', 443/tcp, 80]", "expose", (80, 8080, 443)),
    ("expose: [3000-3002, 53/udp]", "expose", (3000, 3001, 3002)),
    ("volumes: ['data:/var/lib']", "mounts", (Mount("data", "/var/lib"),)),
    ("volumes: ['data:/a:ro', 'data:/b:rw']", "mounts", (Mount("data", "/a", read_only=True), Mount("data", "/b"))),
    ("volumes: ['data://a//b/./c/']", "mounts", (Mount("data", "/a/b/c"),)),
    ("volumes: [{type: volume, source: data, target: /a, read_only: true}]", "mounts", (Mount("data", "/a", True),)),
    ("volumes: [{source: data, target: /a}]", "mounts", (Mount("data", "/a"),)),
    ("volumes: ['data:/device', 'data:/system']", "mounts", (Mount("data", "/device"), Mount("data", "/system"))),
    ("volumes: ['data:/a:z', 'data:/b:ro,Z,cached']", "mounts", (Mount("data", "/a"), Mount("data", "/b", True))),
    ("volumes: ['data:/a/../b']", "mounts", (Mount("data", "/b"),)),
    ("volumes: [{type: tmpfs, target: /x}]", "tmpfs", ("/x",)),
    ("volumes: [{type: tmpfs, target: /x, tmpfs: {size: 64m, mode: 0755}}]", "tmpfs", ("/x:size=67108864,mode=0755",)),
    ("tmpfs: ['/dev/shm:size=1g', '/run:exec']", "tmpfs", ("/dev/shm:size=1g", "/run:exec")),
    ("tmpfs: /tmp", "tmpfs", ("/tmp",)),
    ("tmpfs: [/tmp, '/run/:size=64m,mode=1777']", "tmpfs", ("/tmp", "/run:size=64m,mode=1777")),
    ("healthcheck: {test: curl localhost}", "probe", Probe(SHELL)),
    ("healthcheck: {test: [CMD, curl, localhost]}", "probe", Probe(("CMD", "curl", "localhost"))),
    ("healthcheck: {test: [CMD-SHELL, curl localhost]}", "probe", Probe(SHELL)),
    ("healthcheck: {test: NONE}", "probe", Probe(("NONE",), disabled=True)),
    ("healthcheck: {test: [NONE]}", "probe", Probe(("NONE",), disabled=True)),
    ("healthcheck: {disable: true}", "probe", Probe(("NONE",), disabled=True)),
    ("healthcheck: {disable: false, test: curl localhost}", "probe", Probe(SHELL)),
    ("healthcheck: {interval: 1m30s, timeout: 1.5s, retries: 5, start_period: 0s}", "probe",
     Probe((), interval=90, timeout=1.5, retries=5, start_period=0)),
    ("healthcheck: {interval: 0s, timeout: 1d2h, retries: 100000}", "probe", Probe((), 0, 93600, 100000)),
    ("healthcheck: {test: [], disable: no}", "probe", Probe(())),
    ("healthcheck: {test: [CMD-SHELL, a, b]}", "probe", Probe(("CMD-SHELL", "a"))),
    ("healthcheck: {test: curl localhost, x-note: a}", "probe", Probe(SHELL)),
    ("depends_on: [db]", "depends_on", {"db": "service_started"}),
    ("depends_on: {db: }", "depends_on", {"db": "service_started"}),
    ("depends_on: {db: {condition: service_healthy}}", "depends_on", {"db": "service_healthy"}),
    ("depends_on: {db: {condition: service_completed_successfully}}", "depends_on",
     {"db": "service_completed_successfully"}),
    ("depends_on: {cache: {condition: service_started, required: false}}", "depends_on", {}),
    ("links: [db]", "depends_on", {"db": "service_started"}),
    ("links: [db]\ndepends_on: {db: {condition: service_healthy}}", "depends_on", {"db": "service_healthy"}),
    ("restart: no", "restart", "no"),
    ("restart: 'no'", "restart", "no"),
    ("restart: always", "restart", "always"),
    ("restart: on-failure", "restart", "on-failure"),
    ("restart: unless-stopped", "restart", "unless-stopped"),
    ("cap_drop: [ALL]\ncap_add: [chown, CAP_SETUID]", "cap_add", ("CHOWN", "SETUID")),
    ("pids_limit: 100", "pids", 100),
    ("deploy: {resources: {limits: {pids: 5}}}", "pids", 5),
    ("tty: true", "tty", True),
    ("platform: linux/amd64", "platform", "linux/amd64"),
    ("healthcheck: {start_interval: 5s}", "probe", Probe((), start_interval=5)),
    ("labels: {org.example/app: shop, n: 1, empty: }", "labels", {"org.example/app": "shop", "n": "1", "empty": ""}),
    ("labels: [a=b, c]", "labels", {"a": "b", "c": ""}),
    ("user: 1000:1000", "user", "1000:1000"),
    ("user: nobody", "user", "nobody"),
    ("working_dir: /srv/app/", "working_dir", "/srv/app"),
    ("working_dir: /", "working_dir", "/"),
    ("read_only: true", "read_only", True),
    ("read_only: 'FALSE'", "read_only", False),
    ("read_only: yes", "read_only", True),
    ("read_only: off", "read_only", False),
    ("cap_drop: [ALL, cap_net_raw, NET_RAW]", "cap_drop", ("ALL", "NET_RAW")),
    ("stop_grace_period: 5m", "stop_grace", 300),
    ("stop_grace_period: 1m1s500ms", "stop_grace", 61.5),
    ("deploy: {resources: {limits: {cpus: 0.5, memory: 256m}}}", "cpu", 0.5),
    ("deploy: {resources: {limits: {cpus: '.25'}}}", "cpu", 0.25),
    ("deploy: {resources: {limits: {memory: 1.5G}}}", "memory_mb", 1536),
    ("deploy: {resources: {limits: {memory: 2gb}}}", "memory_mb", 2048),
    ("deploy: {resources: {limits: {memory: 64MiB}}}", "memory_mb", 64),
    ("deploy: {resources: {limits: {memory: 65536k}}}", "memory_mb", 64),
    ("deploy: {resources: {limits: {memory: 1000000000}}}", "memory_mb", 953),
    ("deploy: {resources: {limits: {memory: 1t}}}", "memory_mb", 1024 * 1024),
    ("deploy: {resources: {limits: {cpus: 0, memory: 0}}}", "memory_mb", None),
    ("cpus: 1.5", "cpu", 1.5),
    ("mem_limit: 512m", "memory_mb", 512),
    ("mem_limit: 512m\ndeploy: {resources: {limits: {memory: 1g}}}", "memory_mb", 1024),
    ("scale: 2", "replicas", 2),
    ("deploy: {replicas: 0}", "replicas", 0),
    ("deploy: {mode: replicated}", "replicas", 1),
    ("deploy: {restart_policy: {condition: any}}", "restart", "always"),
    ("restart: always\ndeploy: {restart_policy: {condition: none}}", "restart", "no"),
    ("deploy: {replicas: 3}", "replicas", 3),
    ("deploy: {replicas: '20', x-note: a}", "replicas", 20),
    ("deploy:", "replicas", 1),
    ("networks: [back]", "networks", ("back",)),
    ("networks: {back: , default: {}}", "networks", ("back", "default")),
    ("networks: []", "networks", ("default",)),
    ("network_mode: bridge", "networks", ("default",)),
    ("network_mode: none", "networks", ()),
    ("security_opt: ['no-new-privileges:true']", "image", "nginx"),
    ("ipc: private\ncgroup: private\nruntime: runc\npull_policy: always", "image", "nginx"),
    ("container_name: web", "aliases", ()),
    ("profiles: []", "image", "nginx"),
    ("x-anything: {privileged: true, a: [1, 2, '$']}", "image", "nginx"),
    ("cpu_shares: 512", "cpu_shares", 512),
    ("mem_reservation: 64m", "memory_reservation_mb", 64),
    ("deploy: {resources: {reservations: {memory: 1g}}}", "memory_reservation_mb", 1024),
    ("shm_size: 64m", "shm_bytes", 64 * 2**20),
    ("shm_size: 1000000", "shm_bytes", 1_000_000),
    ("ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}, memlock: -1}", "ulimits",
     {"nofile": Ulimit(5, 5), "nproc": Ulimit(1, 2), "memlock": Ulimit(-1, -1)}),
    ("sysctls: {net.core.somaxconn: 1024}", "sysctls", {"net.core.somaxconn": "1024"}),
    ("sysctls: [net.ipv4.tcp_syncookies=0]", "sysctls", {"net.ipv4.tcp_syncookies": "0"}),
    ("init: true", "init", True),
    ("stdin_open: yes", "stdin_open", True),
    ("stop_signal: SIGQUIT", "stop_signal", "SIGQUIT"),
    ("group_add: [1000, audio]", "group_add", ("1000", "audio")),
    ("hostname: shop.example", "hostname", "shop.example"),
    ("domainname: example.com", "domainname", "example.com"),
    ("container_name: Shop_1", "aliases", ("Shop_1",)),
    ("networks: {back: {aliases: [api]}}", "network_aliases", {"back": ("api",)}),
    ("extra_hosts: ['a:10.0.0.1', 'b=::1', 'c:[::1]']", "extra_hosts", {"a": "10.0.0.1", "b": "::1", "c": "::1"}),
    ("extra_hosts: {a: 10.0.0.1}", "extra_hosts", {"a": "10.0.0.1"}),
    ("volumes: ['data:/a:nocopy']", "mounts", (Mount("data", "/a", no_copy=True),)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "attribute", "expected"), ACCEPTED)
def test_a_field_becomes_an_attribute_of_the_component(
    web: Callable[..., Component], text: str, attribute: str, expected: object
):
    assert getattr(web(text), attribute) == expected


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "nginx:1.29-alpine",
        "library/nginx",
        "ghcr.io/team/app_x/a--b.c:V1",
        "localhost:5000/hello:1",
        "127.0.0.1:5000/hello",
        "[::1]:5000/hello",
        "Registry.Example.com/app",
        f"app@{DIGEST}",
        f"registry.example.com:443/a/b:1@{DIGEST}",
    ],
)
def test_an_image_reference_is_kept_as_written(image: str):
    project = check(f"services: {{web: {{image: '{image}'}}}}").project
    assert project
    assert project.components[0].image == image


def test_a_whole_text_becomes_a_project_ordered_by_dependency():
    checked = check("""
name: shop
version: "3.9"
x-shared: &shared
  restart: always
services:
  web:
    <<: *shared
    image: web
    depends_on: [api]
    networks: [front]
  api:
    image: api
    depends_on: {db: {condition: service_healthy}}
    networks: [front, back]
  db:
    image: db
    networks: [back]
volumes:
  data:
  other: {}
networks:
  front:
  back: {internal: true}
""")
    assert checked.findings == ()
    assert checked.project
    assert [part.name for part in checked.project.components] == ["db", "api", "web"]
    assert checked.project.volumes == ("data", "other")
    assert checked.project.networks == {"front": False, "back": True}
    web = checked.project.component("web")
    assert web
    assert web.restart == "always"


def test_the_default_network_exists_when_a_component_joins_it():
    assert check("services: {web: {image: x}}").project == Project(
        components=check("services: {web: {image: x}}").project.components, networks={"default": False}
    )


def test_the_default_network_can_be_cut_off_from_the_outside():
    project = check("services: {web: {image: x}}\nnetworks: {default: {internal: true}}").project
    assert project
    assert project.networks == {"default": True}


def test_a_service_can_have_the_name_of_an_extension():
    project = check("services: {x-web: {image: x}, web: {image: x, depends_on: {x-web: }}}").project
    assert project
    assert project.components[1].depends_on == {"x-web": "service_started"}


def test_a_limit_of_restarts_is_a_warning(field: Callable[..., CheckResult]):
    checked = field("restart: on-failure:3")
    assert [(found.code, found.severity, found.line) for found in checked.findings] == [("not_kept", "warning", 4)]
    assert checked.project
    assert checked.project.component("web").restart == "on-failure"


@pytest.mark.parametrize("name", ["Web", "web.1", "w_b", "1", "w" * 63])
def test_a_service_name_can_hold_capitals_dots_and_underscores(name: str):
    project = check(f"services: {{{name}: {{image: x}}}}").project
    assert project
    assert project.components[0].name == name


def test_fifty_services_are_a_project():
    text = "services:\n" + "".join(f"  s{number}: {{image: x}}\n" for number in range(50))
    project = check(text).project
    assert project
    assert len(project.components) == 50
