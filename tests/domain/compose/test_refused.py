"""Every refused field: its code, its line and its pointer."""

from collections.abc import Callable

import pytest

from domain.compose import CODES, CheckResult, check
from domain.compose.refusals import (
    DEPENDENCY,
    DEPLOY,
    HEALTHCHECK,
    LIMITS,
    MOUNT,
    NETWORK,
    RESOURCES,
    SERVICE,
    TOP,
    VOLUME,
)

WEB = "/services/web"

REFUSED = [
    ("privileged: true", "privileged_refused", 4, "/privileged"),
    ("privileged: false", "privileged_refused", 4, "/privileged"),
    ("cap_add: [SYS_ADMIN]", "capability_refused", 4, "/cap_add"),
    ("devices: ['/dev/kmsg:/dev/kmsg']", "device_refused", 4, "/devices"),
    ("device_cgroup_rules: ['c 1:3 mr']", "device_refused", 4, "/device_cgroup_rules"),
    ("gpus: all", "device_refused", 4, "/gpus"),
    ("pid: host", "host_namespace_refused", 4, "/pid"),
    ("ipc: host", "host_namespace_refused", 4, "/ipc"),
    ("network_mode: host", "host_namespace_refused", 4, "/network_mode"),
    ("network_mode: service:db", "host_namespace_refused", 4, "/network_mode"),
    ("uts: host", "host_namespace_refused", 4, "/uts"),
    ("userns_mode: host", "host_namespace_refused", 4, "/userns_mode"),
    ("cgroup: host", "host_namespace_refused", 4, "/cgroup"),
    ("cgroup_parent: /", "cgroup_refused", 4, "/cgroup_parent"),
    ("security_opt: [seccomp:unconfined]", "security_opt_refused", 4, "/security_opt"),
    ("sysctls: {net.core.somaxconn: 1}", "sysctl_refused", 4, "/sysctls"),
    ("runtime: runc", "runtime_refused", 4, "/runtime"),
    ("use_api_socket: true", "docker_socket_refused", 4, "/use_api_socket"),
    ("volumes: ['/var/run/docker.sock:/var/run/docker.sock']", "docker_socket_refused", 4, "/volumes/0"),
    ("volumes:\n- type: bind\n  source: /run/docker.sock\n  target: /x", "docker_socket_refused", 5, "/volumes/0"),
    ("volumes: ['data:/run/docker.sock']", "docker_socket_refused", 4, "/volumes/0"),
    ("volumes:\n- '/:/host'", "host_mount_refused", 5, "/volumes/0"),
    ("volumes:\n- 'data:/a'\n- '/etc:/host:ro'", "host_mount_refused", 6, "/volumes/1"),
    ("volumes: ['./src:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['.:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['../src:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['~/.ssh:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['~root:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['data/../../etc:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['C:\\\\data:/src']".replace("\\\\", "\\"), "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['c:/data:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['\\\\server\\share:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: [{type: bind, source: data, target: /x}]", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: [{type: volume, source: /etc, target: /x}]", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: [{type: npipe, source: x, target: /x}]", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: [{type: tmpfs, target: /x}]", "unsupported_field", 4, "/volumes/0"),
    ("volumes: [/var/lib/data]", "anonymous_volume_refused", 4, "/volumes/0"),
    ("volumes: [data]", "anonymous_volume_refused", 4, "/volumes/0"),
    ("volumes: ['other:/x']", "unknown_volume", 4, "/volumes/0"),
    ("volumes: [{type: volume, source: other, target: /x}]", "unknown_volume", 4, "/volumes/0/source"),
    ("volumes: ['-data:/x']", "bad_value", 4, "/volumes/0"),
    ("volumes: [':/x']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:x']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/./']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/a/../b']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/proc/sys']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data://proc']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/sys']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/./dev/shm']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/a:z']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/a:ro:rw']", "bad_value", 4, "/volumes/0"),
    ("volumes: [{source: data}]", "bad_value", 4, "/volumes/0"),
    ("volumes: [{target: /x}]", "bad_value", 4, "/volumes/0"),
    ("volumes: [{source: data, target: '/x:ro'}]", "bad_value", 4, "/volumes/0/target"),
    ("volumes: [{source: data, target: /x, volume: {nocopy: true}}]", "unsupported_field", 4, "/volumes/0/volume"),
    ("volumes: [{source: data, target: /x, bind: {propagation: shared}}]", "unsupported_field", 4, "/volumes/0/bind"),
    ("volumes: ['data:/a', 'data:/a/']", "duplicate_mount", 2, ""),
    ("volumes: ['data:/a']\ntmpfs: /a", "duplicate_mount", 2, ""),
    ("volumes: data", "wrong_type", 4, "/volumes"),
    ("volumes: {data: /x}", "wrong_type", 4, "/volumes"),
    ("volumes: [[data]]", "wrong_type", 4, "/volumes/0"),
    ("tmpfs: /proc", "bad_value", 4, "/tmpfs"),
    ("tmpfs: [tmp]", "bad_value", 4, "/tmpfs/0"),
    ("tmpfs: ['/tmp:exec']", "bad_value", 4, "/tmpfs/0"),
    ("tmpfs: ['/tmp:']", "bad_value", 4, "/tmpfs/0"),
    ("secrets: [a]", "secret_file_refused", 4, "/secrets"),
    ("configs: [a]", "secret_file_refused", 4, "/configs"),
    ("env_file: .env", "env_file_refused", 4, "/env_file"),
    ("label_file: .labels", "env_file_refused", 4, "/label_file"),
    ("extends: {file: /etc/passwd, service: x}", "extends_refused", 4, "/extends"),
    ("build: .", "build_refused", 4, "/build"),
    ("build: {context: ../..}", "build_refused", 4, "/build"),
    ("build: https://example.com/x.git", "build_refused", 4, "/build"),
    ("ports: ['80:80']", "ports_refused", 4, "/ports"),
    ("container_name: x", "container_name_refused", 4, "/container_name"),
    ("links: [db]", "links_refused", 4, "/links"),
    ("external_links: [db]", "links_refused", 4, "/external_links"),
    ("volumes_from: [db]", "volumes_from_refused", 4, "/volumes_from"),
    ("imgae: x", "unknown_field", 4, "/imgae"),
    ("Privileged: true", "unknown_field", 4, "/Privileged"),
    ("a/b~c: 1", "unknown_field", 4, "/a~1b~0c"),
    ("command: {a: b}", "wrong_type", 4, "/command"),
    ("command: [a, [b]]", "wrong_type", 4, "/command/1"),
    ("command: [a, null]", "wrong_type", 4, "/command/1"),
    ("command: 'a \"b'", "bad_value", 4, "/command"),
    ("entrypoint: \"it's\"", "bad_value", 4, "/entrypoint"),
    ("environment: {1A: x}", "bad_name", 4, "/environment/1A"),
    ("environment: {A-B: x}", "bad_name", 4, "/environment/A-B"),
    ("environment: {'A B': x}", "bad_name", 4, "/environment/A B"),
    ("environment: {x-a: x}", "bad_name", 4, "/environment/x-a"),
    ("environment: {'Ä': x}", "bad_name", 4, "/environment/Ä"),
    ("environment: ['=x']", "bad_name", 4, "/environment/0"),
    ("environment: ['-A=x']", "bad_name", 4, "/environment/0"),
    ("environment: ['A=1', 'A=2']", "duplicate_key", 4, "/environment/1"),
    ("environment: {A: [x]}", "wrong_type", 4, "/environment/A"),
    ("environment: A=x", "wrong_type", 4, "/environment"),
    ("environment: {UNSET: }", "missing_variable", 4, "/environment/UNSET"),
    ("environment: [UNSET]", "missing_variable", 4, "/environment/0"),
    ("expose: [0]", "bad_value", 4, "/expose/0"),
    ("expose: [65536]", "bad_value", 4, "/expose/0"),
    ("expose: [080]", "bad_value", 4, "/expose/0"),
    ("expose: [53/udp]", "bad_value", 4, "/expose/0"),
    ("expose: [22:22]", "bad_value", 4, "/expose/0"),
    ("expose: [3000-3005]", "bad_value", 4, "/expose/0"),
    ("expose: ['٣']", "bad_value", 4, "/expose/0"),
    ("expose: 80", "wrong_type", 4, "/expose"),
    ("healthcheck: {interval: 30}", "bad_value", 4, "/healthcheck/interval"),
    ("healthcheck: {interval: 0s}", "bad_value", 4, "/healthcheck/interval"),
    ("healthcheck: {interval: 2h}", "bad_value", 4, "/healthcheck/interval"),
    ("healthcheck: {timeout: s}", "bad_value", 4, "/healthcheck/timeout"),
    ("healthcheck: {timeout: -1s}", "bad_value", 4, "/healthcheck/timeout"),
    ("healthcheck:\n  test: x\n  retries: 1.5", "bad_value", 6, "/healthcheck/retries"),
    ("healthcheck: {retries: 0}", "bad_value", 4, "/healthcheck/retries"),
    ("healthcheck: {disable: yes}", "bad_value", 4, "/healthcheck/disable"),
    ("healthcheck: {test: [curl, localhost]}", "bad_value", 4, "/healthcheck/test"),
    ("healthcheck: {test: [CMD]}", "bad_value", 4, "/healthcheck/test"),
    ("healthcheck: {test: [CMD-SHELL, a, b]}", "bad_value", 4, "/healthcheck/test"),
    ("healthcheck: {test: []}", "bad_value", 4, "/healthcheck/test"),
    ("healthcheck: {test: ''}", "bad_value", 4, "/healthcheck/test"),
    ("healthcheck: {start_interval: 5s}", "unsupported_field", 4, "/healthcheck/start_interval"),
    ("healthcheck: {port: 5}", "unknown_field", 4, "/healthcheck/port"),
    ("healthcheck: [x]", "wrong_type", 4, "/healthcheck"),
    ("depends_on: [cache]", "unknown_service", 4, "/depends_on/0"),
    ("depends_on: {cache: }", "unknown_service", 4, "/depends_on/cache"),
    ("depends_on: {db: {condition: healthy}}", "bad_value", 4, "/depends_on/db/condition"),
    ("depends_on: {db: {required: false}}", "unsupported_field", 4, "/depends_on/db/required"),
    ("depends_on: {db: {restart: true}}", "unsupported_field", 4, "/depends_on/db/restart"),
    ("depends_on: {db: service_started}", "wrong_type", 4, "/depends_on/db"),
    ("depends_on: [web]", "cycle", 2, ""),
    ("depends_on: db", "wrong_type", 4, "/depends_on"),
    ("restart: sometimes", "bad_value", 4, "/restart"),
    ("restart: false", "bad_value", 4, "/restart"),
    ("restart: 'on-failure:'", "bad_value", 4, "/restart"),
    ("restart: always:3", "bad_value", 4, "/restart"),
    ("labels: {panel.service: svc_1}", "reserved_label", 4, "/labels/panel.service"),
    ("labels: {Panel.Instance: x}", "reserved_label", 4, "/labels/Panel.Instance"),
    ("labels: {panel: x}", "reserved_label", 4, "/labels/panel"),
    ("labels: [com.docker.compose.project=x]", "reserved_label", 4, "/labels/0"),
    ("labels: {io.docker.x: y}", "reserved_label", 4, "/labels/io.docker.x"),
    ("labels: {traefik.http.routers.a.rule: y}", "reserved_label", 4, "/labels/traefik.http.routers.a.rule"),
    ("labels: {caddy: panel.example.com}", "reserved_label", 4, "/labels/caddy"),
    ("labels: {caddy_1: panel.example.com}", "reserved_label", 4, "/labels/caddy_1"),
    ("labels: {'a b': c}", "bad_name", 4, "/labels/a b"),
    ("labels: {a: {b: c}}", "wrong_type", 4, "/labels/a"),
    ("user: '-1'", "bad_value", 4, "/user"),
    ("user: 'a b'", "bad_value", 4, "/user"),
    ("user: 'root:'", "bad_value", 4, "/user"),
    ("working_dir: srv", "bad_value", 4, "/working_dir"),
    ("working_dir: /srv/../etc", "bad_value", 4, "/working_dir"),
    ("read_only: yes", "bad_value", 4, "/read_only"),
    ("read_only: on", "bad_value", 4, "/read_only"),
    ("read_only: 1", "bad_value", 4, "/read_only"),
    ("cap_drop: [EVERYTHING]", "bad_value", 4, "/cap_drop/0"),
    ("cap_drop: ALL", "wrong_type", 4, "/cap_drop"),
    ("stop_grace_period: 301s", "bad_value", 4, "/stop_grace_period"),
    ("stop_grace_period: 10", "bad_value", 4, "/stop_grace_period"),
    ("deploy: {replicas: 0}", "bad_value", 4, "/deploy/replicas"),
    ("deploy: {replicas: 21}", "bad_value", 4, "/deploy/replicas"),
    ("deploy: {replicas: 1e1}", "bad_value", 4, "/deploy/replicas"),
    ("deploy: {replicas: 99999999999999999999}", "bad_value", 4, "/deploy/replicas"),
    ("deploy: {resources: {limits: {cpus: 0}}}", "bad_value", 4, "/deploy/resources/limits/cpus"),
    ("deploy: {resources: {limits: {cpus: 129}}}", "bad_value", 4, "/deploy/resources/limits/cpus"),
    ("deploy: {resources: {limits: {cpus: .inf}}}", "bad_value", 4, "/deploy/resources/limits/cpus"),
    ("deploy: {resources: {limits: {cpus: nan}}}", "bad_value", 4, "/deploy/resources/limits/cpus"),
    ("deploy: {resources: {limits: {memory: 5m}}}", "bad_value", 4, "/deploy/resources/limits/memory"),
    ("deploy: {resources: {limits: {memory: 2t}}}", "bad_value", 4, "/deploy/resources/limits/memory"),
    ("deploy: {resources: {limits: {memory: 512}}}", "bad_value", 4, "/deploy/resources/limits/memory"),
    ("deploy: {resources: {limits: {memory: -1}}}", "bad_value", 4, "/deploy/resources/limits/memory"),
    ("deploy: {resources: {limits: {pids: 5}}}", "unsupported_field", 4, "/deploy/resources/limits/pids"),
    ("deploy: {resources: {reservations: {}}}", "unsupported_field", 4, "/deploy/resources/reservations"),
    ("deploy: {mode: global}", "unsupported_field", 4, "/deploy/mode"),
    ("deploy: {placement: {}}", "unsupported_field", 4, "/deploy/placement"),
    ("deploy: {resources: 5}", "wrong_type", 4, "/deploy/resources"),
    ("networks: [other]", "unknown_network", 4, "/networks/0"),
    ("networks: [host]", "unknown_network", 4, "/networks/0"),
    ("networks: {back: {aliases: [panel]}}", "unsupported_field", 4, "/networks/back"),
    ("networks: {back: {ipv4_address: 10.0.0.1}}", "unsupported_field", 4, "/networks/back"),
    ("networks: {back: x}", "wrong_type", 4, "/networks/back"),
    ("networks: back", "wrong_type", 4, "/networks"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "pointer"), REFUSED)
def test_a_refused_field_is_named_with_its_line_and_pointer(
    field: Callable[..., CheckResult], text: str, code: str, line: int, pointer: str
):
    checked = field(text)
    assert [(found.code, found.line, found.pointer) for found in checked.findings] == [(code, line, WEB + pointer)]
    assert checked.project is None


WHOLE = [
    ("include: [other.yaml]", "include_refused", 2, "/include"),
    ("secrets: {a: {file: /etc/shadow}}", "secret_file_refused", 2, "/secrets"),
    ("configs: {a: {file: /etc/shadow}}", "secret_file_refused", 2, "/configs"),
    ("volumes: {a: {driver: local}}", "volume_driver_refused", 2, "/volumes/a/driver"),
    ("volumes: {a: {driver_opts: {type: none, o: bind, device: /etc}}}", "volume_driver_refused", 2,
     "/volumes/a/driver_opts"),
    ("volumes:\n  a:\n    external: true", "external_refused", 4, "/volumes/a/external"),
    ("volumes: {a: {name: other-tenant}}", "unsupported_field", 2, "/volumes/a/name"),
    ("volumes: {a: {labels: {b: c}}}", "unsupported_field", 2, "/volumes/a/labels"),
    ("volumes: {a: {size: 5}}", "unknown_field", 2, "/volumes/a/size"),
    ("volumes: {../a: }", "bad_name", 2, "/volumes/..~1a"),
    ("volumes: {-a: }", "bad_name", 2, "/volumes/-a"),
    ("volumes: {a: 5}", "wrong_type", 2, "/volumes/a"),
    ("volumes: [a]", "wrong_type", 2, "/volumes"),
    ("networks: {a: {external: true}}", "external_refused", 2, "/networks/a/external"),
    ("networks: {a: {name: panel}}", "unsupported_field", 2, "/networks/a/name"),
    ("networks: {a: {driver: host}}", "unsupported_field", 2, "/networks/a/driver"),
    ("networks: {a: {driver_opts: {}}}", "unsupported_field", 2, "/networks/a/driver_opts"),
    ("networks: {a: {ipam: {}}}", "unsupported_field", 2, "/networks/a/ipam"),
    ("networks: {a: {internal: yes}}", "bad_value", 2, "/networks/a/internal"),
    ("networks: {A: }", "bad_name", 2, "/networks/A"),
    ("networks: {a: b}", "wrong_type", 2, "/networks/a"),
    ("name: My Shop", "bad_value", 2, "/name"),
    ("name: -x", "bad_value", 2, "/name"),
    ("version: [3]", "wrong_type", 2, "/version"),
    ("servcies: {}", "unknown_field", 2, "/servcies"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "pointer"), WHOLE)
def test_what_is_refused_at_the_top_is_named_with_its_line_and_pointer(text: str, code: str, line: int, pointer: str):
    checked = check("services: {web: {image: nginx}}\n" + text)
    assert [(found.code, found.line, found.pointer) for found in checked.findings] == [(code, line, pointer)]
    assert checked.project is None


@pytest.mark.parametrize(
    "image",
    ["-v", "--help", "a" * 64, "sha256:" + "a" * 64, "a b", "Nginx",
     "http://x/y", "a:b:c", "a@sha256:1", "a/../b", "/a", "a/", "a\u2019b", "a;id",
     "a|id", "a&b", "$$(id)", "`id`", "a\tb", "a'b", "x" * 256, pytest.param("x" * 70000, id="too long"),
     "a:" + "t" * 129, ".", "a..b", ""],
)  # fmt: skip
def test_a_hostile_image_is_refused(image: str):
    checked = check("services:\n  web:\n    image: " + '"' + image.replace("\t", "\\t") + '"')
    assert [(found.line, found.pointer) for found in checked.findings] == [(3, "/services/web/image")]
    assert checked.findings[0].code in ("bad_image", "too_long")


@pytest.mark.parametrize("name", ["Web", "-web", "_web", "we b", "w" * 64, "a/b", "web.1", "wéb", "$X", "null"])
def test_a_service_needs_a_plain_name(name: str):
    found = check(f"services:\n  '{name}':\n    image: nginx\n").findings
    assert [(item.code, item.line) for item in found] == ([] if name == "null" else [("bad_name", 2)])


@pytest.mark.parametrize("text", ["", "services:", "services: {}", "# nothing", "name: shop", "~"])
def test_a_text_needs_a_service(text: str):
    assert [found.code for found in check(text).findings] == ["no_services"]


def test_a_service_needs_an_image():
    found = check("services:\n  web:\n    command: x\n  db:\n").findings
    assert [(item.code, item.line, item.pointer) for item in found] == [
        ("missing_image", 2, "/services/web"),
        ("missing_image", 4, "/services/db"),
    ]


def test_twenty_one_services_are_too_many():
    text = "services:\n" + "".join(f"  s{number}: {{image: x}}\n" for number in range(21))
    assert [(found.code, found.line) for found in check(text).findings] == [("too_many_services", 1)]


def test_a_circle_of_dependencies_is_told_by_its_names():
    found = check(
        "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n"
        "  c: {image: x, depends_on: [a]}\n  d: {image: x}\n"
    ).findings
    assert [item.code for item in found] == ["cycle"]
    assert any(f"{names} →" in found[0].message for names in ("a → b → c", "b → c → a", "c → a → b"))


def test_waiting_for_the_health_of_a_service_without_a_healthcheck_would_never_end():
    found = check(
        "services:\n  a: {image: x, depends_on: {b: {condition: service_healthy}}}\n"
        "  b: {image: x, healthcheck: {disable: true}}\n"
    ).findings
    assert [(item.code, item.pointer) for item in found] == [("bad_value", "/services/a")]


def test_all_findings_come_at_once_in_the_order_of_the_text(field: Callable[..., CheckResult]):
    checked = field(
        "ports: [80]\nimgae: x\nprivileged: true\nexpose: [0, 80, 0x50]\nenvironment: {A: $NO, B: $NO $NEVER}"
    )
    assert [(found.code, found.line) for found in checked.findings] == [
        ("ports_refused", 4),
        ("unknown_field", 5),
        ("privileged_refused", 6),
        ("bad_value", 7),
        ("bad_value", 7),
        ("missing_variable", 8),
        ("missing_variable", 8),
        ("missing_variable", 8),
    ]


def test_findings_end_at_a_hundred_and_say_so():
    text = "services: {web: {image: x}}\n" + "".join(f"f{number}: 1\n" for number in range(500))
    codes = [found.code for found in check(text).findings]
    assert len(codes) == 101
    assert codes[0] == "too_many_findings"


def test_a_slip_of_the_pen_is_answered_with_the_field_that_was_meant(field: Callable[..., CheckResult]):
    assert "did you mean `image`" in field("imgae: x").findings[0].message


def test_ports_are_answered_with_expose(field: Callable[..., CheckResult]):
    assert "`expose`" in field("ports: ['80:80']").findings[0].message


TABLES = {
    "service": (SERVICE, "services: {{web: {{image: x, {name}: x}}}}"),
    "top": (TOP, "services: {{web: {{image: x}}}}\n{name}: x"),
    "volume": (VOLUME, "services: {{web: {{image: x}}}}\nvolumes: {{a: {{{name}: x}}}}"),
    "network": (NETWORK, "services: {{web: {{image: x}}}}\nnetworks: {{a: {{{name}: x}}}}"),
    "healthcheck": (HEALTHCHECK, "services: {{web: {{image: x, healthcheck: {{{name}: x}}}}}}"),
    "deploy": (DEPLOY, "services: {{web: {{image: x, deploy: {{{name}: x}}}}}}"),
    "resources": (RESOURCES, "services: {{web: {{image: x, deploy: {{resources: {{{name}: x}}}}}}}}"),
    "limits": (LIMITS, "services: {{web: {{image: x, deploy: {{resources: {{limits: {{{name}: x}}}}}}}}}}"),
    "mount": (
        MOUNT,
        "services: {{web: {{image: x, volumes: [{{source: d, target: /d, {name}: x}}]}}}}\nvolumes: {{d: }}",
    ),
    "dependency": (
        DEPENDENCY,
        "services: {{web: {{image: x, depends_on: {{db: {{{name}: x}}}}}}, db: {{image: x}}}}",
    ),
}


@pytest.mark.parametrize(
    ("template", "name", "code"),
    [(text, name, code) for table, text in TABLES.values() for name, (code, _) in table.items()],
)
def test_every_refusal_of_the_tables_has_a_message_that_names_its_field(template: str, name: str, code: str):
    (found,) = check(template.format(name=name)).findings
    assert found.code == code
    assert f"`{name}`" in found.message
    assert found.message.endswith(".")


def test_every_code_has_a_meaning_and_is_one_word():
    assert all(word.replace("_", "").isalpha() and word.islower() for word in CODES)
    assert all(meaning.endswith(".") for meaning in CODES.values())


def test_replicas_that_write_to_one_volume_are_refused():
    text = "services: {web: {image: a, volumes: ['data:/d'], deploy: {replicas: 2}}}\nvolumes: {data: }"
    assert [(one.code, one.pointer) for one in check(text).findings] == [("bad_value", "/services/web")]
    assert check(text.replace(":/d", ":/d:ro")).findings == ()
