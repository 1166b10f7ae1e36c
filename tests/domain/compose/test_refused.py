"""Every refused field: its code, its line and its pointer."""

from collections.abc import Callable

import pytest

from domain.compose import CODES, CheckResult, check
from domain.compose.field_rules import FieldRules
from domain.compose.refusals import (
    ATTACHMENT,
    BIND,
    CONFIG,
    DEPENDENCY,
    DEPLOY,
    LIMITS,
    MOUNT,
    NETWORK,
    RESERVATIONS,
    RESTART_POLICY,
    SERVICE,
    TOP,
    VOLUME,
    VOLUME_MOUNT,
)

WEB = "/services/web"

REFUSED = [
    ("privileged: true", "privileged_refused", 4, "/privileged"),
    ("cap_add: [SYS_ADMIN]", "capability_refused", 4, "/cap_add/0"),
    ("cap_add: [CHOWN, cap_net_admin]", "capability_refused", 4, "/cap_add/1"),
    ("cap_add: [all]", "capability_refused", 4, "/cap_add/0"),
    ("cap_add: [SWIM]", "bad_value", 4, "/cap_add/0"),
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
    ("security_opt: [seccomp:unconfined]", "security_opt_refused", 4, "/security_opt/0"),
    ("security_opt: ['no-new-privileges:false']", "security_opt_refused", 4, "/security_opt/0"),
    ("sysctls: {vm.max_map_count: 262144}", "sysctl_refused", 4, "/sysctls/vm.max_map_count"),
    ("sysctls: [kernel.core_pattern=x]", "sysctl_refused", 4, "/sysctls/0"),
    ("runtime: nvidia", "runtime_refused", 4, "/runtime"),
    ("ulimits: {rtprio: 99}", "unsupported_field", 4, "/ulimits/rtprio"),
    ("ulimits: {nofile: many}", "bad_value", 4, "/ulimits/nofile"),
    ("ulimits: {nofile: {soft: 1}}", "bad_value", 4, "/ulimits/nofile"),
    ("extra_hosts: ['host.docker.internal:host-gateway']", "host_namespace_refused", 4, "/extra_hosts/0"),
    ("extra_hosts: {a: host-gateway}", "host_namespace_refused", 4, "/extra_hosts/a"),
    ("extra_hosts: [a]", "bad_value", 4, "/extra_hosts/0"),
    ("extra_hosts: ['a:b']", "bad_value", 4, "/extra_hosts/0"),
    ("use_api_socket: true", "docker_socket_refused", 4, "/use_api_socket"),
    ("volumes: ['/var/run/docker.sock:/var/run/docker.sock']", "docker_socket_refused", 4, "/volumes/0"),
    ("volumes:\n- type: bind\n  source: /run/docker.sock\n  target: /x", "docker_socket_refused", 5, "/volumes/0"),
    ("volumes: ['data:/run/docker.sock']", "docker_socket_refused", 4, "/volumes/0"),
    ("volumes:\n- '/:/host'", "host_mount_refused", 5, "/volumes/0"),
    ("volumes:\n- 'data:/a'\n- '/etc:/host:ro'", "host_mount_refused", 6, "/volumes/1"),
    ("volumes: ['~/.ssh:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['~root:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['C:\\\\data:/src']".replace("\\\\", "\\"), "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['c:/data:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['\\\\server\\share:/src']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: [{type: volume, source: /etc, target: /x}]", "host_mount_refused", 4, "/volumes/0/source"),
    ("volumes: [{type: bind, source: /etc, target: /x}]", "host_mount_refused", 4, "/volumes/0/source"),
    ("volumes: [{type: bind, source: ~/x, target: /x}]", "host_mount_refused", 4, "/volumes/0/source"),
    ("volumes: [{type: npipe, source: x, target: /x}]", "bad_value", 4, "/volumes/0/type"),
    ("volumes: [{type: bind, target: /x}]", "bad_value", 4, "/volumes/0"),
    ("volumes: ['/path/to/data:/data']", "host_mount_refused", 4, "/volumes/0"),
    ("volumes: ['/etc/localtime:/x', '/etc:/y']", "host_mount_refused", 4, "/volumes/1"),
    ("volumes: ['./nginx.conf:/etc/nginx/nginx.conf']", "missing_file", 4, "/volumes/0"),
    ("volumes: ['./conf:/etc/nginx/nginx.conf:ro']", "missing_file", 4, "/volumes/0"),
    ("volumes: [{type: bind, source: ./Caddyfile, target: /x}]", "missing_file", 4, "/volumes/0/source"),
    ("volumes: ['./a:b']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['./a:/a/../proc']", "bad_value", 4, "/volumes/0"),
    ("volumes: [data]", "bad_value", 4, "/volumes/0"),
    ("volumes: ['-data:/x']", "bad_value", 4, "/volumes/0"),
    ("volumes: [':/x']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:x']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/./']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/proc/sys']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data://proc']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/sys']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/./dev/shm']", "bad_value", 4, "/volumes/0"),
    ("volumes: ['data:/a:ro:rw']", "bad_value", 4, "/volumes/0"),
    ("volumes: [{source: data}]", "bad_value", 4, "/volumes/0"),
    ("volumes: [{source: data, target: '/x:ro'}]", "bad_value", 4, "/volumes/0/target"),
    ("volumes: ['data:/a']\ntmpfs: /a", "duplicate_mount", 5, "/tmpfs"),
    ("volumes: ['data:/a']\ntmpfs: [/b, '/a:ro']", "duplicate_mount", 5, "/tmpfs/1"),
    ("command: |-\n  first\n  echo ${", "bad_interpolation", 6, "/command"),
    ("environment:\n- A: b", "wrong_type", 5, "/environment/0"),
    ("volumes: data", "wrong_type", 4, "/volumes"),
    ("volumes: {data: /x}", "wrong_type", 4, "/volumes"),
    ("volumes: [[data]]", "wrong_type", 4, "/volumes/0"),
    ("tmpfs: /proc", "bad_value", 4, "/tmpfs"),
    ("tmpfs: [tmp]", "bad_value", 4, "/tmpfs/0"),
    ("tmpfs: ['/tmp:suid']", "bad_value", 4, "/tmpfs/0"),
    ("configs: [a]", "unknown_config", 4, "/configs/0"),
    ("secrets: [{source: a}]", "unknown_config", 4, "/secrets/0/source"),
    ("secrets: [{target: a}]", "bad_value", 4, "/secrets/0"),
    ("env_file: app.env", "missing_file", 4, "/env_file"),
    ("env_file: [{path: app.env}]", "missing_file", 4, "/env_file/0/path"),
    ("env_file: [/etc/environment]", "env_file_refused", 4, "/env_file/0"),
    ("label_file: labels", "missing_file", 4, "/label_file"),
    ("extends: {file: /etc/passwd, service: x}", "extends_refused", 4, "/extends/file"),
    ("extends: {file: https://example.com/x.yml, service: x}", "extends_refused", 4, "/extends/file"),
    ("extends: {file: common.yml, service: x}", "missing_file", 4, "/extends/file"),
    ("extends: cache", "unknown_service", 4, "/extends"),
    ("extends: {service: web}", "cycle", 4, "/extends"),
    ("extends: {file: common.yml}", "bad_value", 4, "/extends"),
    ("extends: [db]", "wrong_type", 4, "/extends"),
    ("build: .", "build_refused", 4, "/build"),
    ("build: {context: ../..}", "build_refused", 4, "/build"),
    ("build: https://example.com/x.git", "build_refused", 4, "/build"),
    ("links: [cache]", "unknown_service", 4, "/links/0"),
    ("ports: [0]", "bad_value", 4, "/ports/0"),
    ("ports: ['80:http']", "bad_value", 4, "/ports/0"),
    ("ports: ['80:80:80:80']", "bad_value", 4, "/ports/0"),
    ("ports: ['80/http']", "bad_value", 4, "/ports/0"),
    ("ports: ['9000-8000:9000-8000']", "bad_value", 4, "/ports/0"),
    ("ports: ['1-65535:1-65535']", "bad_value", 4, "/ports"),
    ("ports: [{published: 80}]", "bad_value", 4, "/ports/0"),
    ("ports: 80", "wrong_type", 4, "/ports"),
    ("container_name: 'a b'", "bad_value", 4, "/container_name"),
    ("hostname: -x", "bad_value", 4, "/hostname"),
    ("shm_size: much", "bad_value", 4, "/shm_size"),
    ("init: maybe", "bad_value", 4, "/init"),
    ("platform: Linux", "bad_value", 4, "/platform"),
    ("pull_policy: sometimes", "bad_value", 4, "/pull_policy"),
    ("stop_signal: kill", "bad_value", 4, "/stop_signal"),
    ("scale: 21", "bad_value", 4, "/scale"),
    ("deploy: {mode: replicated-job}", "unsupported_field", 4, "/deploy/mode"),
    ("deploy: {resources: {reservations: {devices: [{driver: nvidia}]}}}", "device_refused", 4,
     "/deploy/resources/reservations/devices"),
    ("environment: [{A: x}]", "wrong_type", 4, "/environment/0"),
    ("external_links: [db]", "links_refused", 4, "/external_links"),
    ("volumes_from: ['container:x']", "volumes_from_refused", 4, "/volumes_from/0"),
    ("volumes_from: [cache]", "volumes_from_refused", 4, "/volumes_from/0"),
    ("volumes_from: [web]", "cycle", 2, ""),
    ("imgae: x", "unknown_field", 4, "/imgae"),
    ("Privileged: true", "unknown_field", 4, "/Privileged"),
    ("a/b~c: 1", "unknown_field", 4, "/a~1b~0c"),
    ("command: {a: b}", "wrong_type", 4, "/command"),
    ("command: [a, [b]]", "wrong_type", 4, "/command/1"),
    ("command: [a, null]", "wrong_type", 4, "/command/1"),
    ("command: 'a \"b'", "bad_value", 4, "/command"),
    ("entrypoint: \"it's\"", "bad_value", 4, "/entrypoint"),
    ("environment: ['=x']", "bad_name", 4, "/environment/0"),
    ("environment: {A: [x]}", "wrong_type", 4, "/environment/A"),
    ("environment: A=x", "wrong_type", 4, "/environment"),
    ("expose: [0]", "bad_value", 4, "/expose/0"),
    ("expose: [65536]", "bad_value", 4, "/expose/0"),
    ("expose: [22:22]", "bad_value", 4, "/expose/0"),
    ("expose: ['٣']", "bad_value", 4, "/expose/0"),
    ("expose: 80", "wrong_type", 4, "/expose"),
    ("healthcheck: {interval: 30}", "bad_value", 4, "/healthcheck/interval"),
    ("healthcheck: {timeout: s}", "bad_value", 4, "/healthcheck/timeout"),
    ("healthcheck: {timeout: -1s}", "bad_value", 4, "/healthcheck/timeout"),
    ("healthcheck:\n  test: x\n  retries: 1.5", "bad_value", 6, "/healthcheck/retries"),
    ("healthcheck: {test: [curl, localhost]}", "bad_value", 4, "/healthcheck/test"),
    ("healthcheck: {test: [CMD]}", "bad_value", 4, "/healthcheck/test"),
    ("healthcheck: {port: 5}", "unknown_field", 4, "/healthcheck/port"),
    ("healthcheck: [x]", "wrong_type", 4, "/healthcheck"),
    ("depends_on: [cache]", "unknown_service", 4, "/depends_on/0"),
    ("depends_on: {cache: }", "unknown_service", 4, "/depends_on/cache"),
    ("depends_on: {db: {condition: healthy}}", "bad_value", 4, "/depends_on/db/condition"),
    ("depends_on: {db: service_started}", "wrong_type", 4, "/depends_on/db"),
    ("depends_on: [web]", "cycle", 2, ""),
    ("depends_on: db", "wrong_type", 4, "/depends_on"),
    ("restart: sometimes", "bad_value", 4, "/restart"),
    ("restart: false", "bad_value", 4, "/restart"),
    ("restart: 'on-failure:'", "bad_value", 4, "/restart"),
    ("restart: always:3", "bad_value", 4, "/restart"),
    ("labels: {'a b': c}", "bad_name", 4, "/labels/a b"),
    ("labels: {a: {b: c}}", "wrong_type", 4, "/labels/a"),
    ("user: '-1'", "bad_value", 4, "/user"),
    ("user: 'a b'", "bad_value", 4, "/user"),
    ("working_dir: srv", "bad_value", 4, "/working_dir"),
    ("read_only: 1", "bad_value", 4, "/read_only"),
    ("read_only: maybe", "bad_value", 4, "/read_only"),
    ("cap_drop: [EVERYTHING]", "bad_value", 4, "/cap_drop/0"),
    ("cap_drop: ALL", "wrong_type", 4, "/cap_drop"),
    ("stop_grace_period: 10", "bad_value", 4, "/stop_grace_period"),
    ("deploy: {replicas: 21}", "bad_value", 4, "/deploy/replicas"),
    ("deploy: {replicas: 1e1}", "bad_value", 4, "/deploy/replicas"),
    ("deploy: {replicas: 99999999999999999999}", "bad_value", 4, "/deploy/replicas"),
    ("deploy: {resources: {limits: {cpus: 129}}}", "bad_value", 4, "/deploy/resources/limits/cpus"),
    ("deploy: {resources: {limits: {cpus: .inf}}}", "bad_value", 4, "/deploy/resources/limits/cpus"),
    ("deploy: {resources: {limits: {cpus: nan}}}", "bad_value", 4, "/deploy/resources/limits/cpus"),
    ("deploy: {resources: {limits: {memory: 5m}}}", "bad_value", 4, "/deploy/resources/limits/memory"),
    ("deploy: {resources: {limits: {memory: 2t}}}", "bad_value", 4, "/deploy/resources/limits/memory"),
    ("deploy: {resources: {limits: {memory: 512}}}", "bad_value", 4, "/deploy/resources/limits/memory"),
    ("deploy: {resources: {limits: {memory: -1}}}", "bad_value", 4, "/deploy/resources/limits/memory"),
    ("deploy: {resources: 5}", "wrong_type", 4, "/deploy/resources"),
    ("networks: [other]", "unknown_network", 4, "/networks/0"),
    ("networks: [host]", "unknown_network", 4, "/networks/0"),
    ("networks: {back: x}", "wrong_type", 4, "/networks/back"),
    ("networks: back", "wrong_type", 4, "/networks"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "pointer"), REFUSED)
def test_a_refused_field_is_named_with_its_line_and_pointer(
    field: Callable[..., CheckResult], text: str, code: str, line: int, pointer: str
):
    checked = field(text)
    errors = [found for found in checked.findings if found.severity == "error"]
    assert [(found.code, found.line, found.pointer) for found in errors] == [(code, line, WEB + pointer)]
    assert checked.project is None


WHOLE = [
    ("include: [other.yaml]", "missing_file", 2, "/include/0"),
    ("include: [{path: /etc/compose.yaml}]", "include_refused", 2, "/include/0/path"),
    ("include: ['oci://example.com/x']", "include_refused", 2, "/include/0"),
    ("include: [{env_file: x}]", "bad_value", 2, "/include/0"),
    ("include: other.yaml", "wrong_type", 2, "/include"),
    ("volumes: {a: {driver_opts: {type: none, o: bind, device: /etc}}}", "volume_driver_refused", 2,
     "/volumes/a/driver_opts"),
    ("volumes:\n  a:\n    external: true", "external_refused", 4, "/volumes/a/external"),
    ("volumes: {a: {size: 5}}", "unknown_field", 2, "/volumes/a/size"),
    ("volumes: {../a: }", "bad_name", 2, "/volumes/..~1a"),
    ("volumes: {-a: }", "bad_name", 2, "/volumes/-a"),
    ("volumes: {a: 5}", "wrong_type", 2, "/volumes/a"),
    ("volumes: [a]", "wrong_type", 2, "/volumes"),
    ("networks: {a: {external: true}}", "external_refused", 2, "/networks/a/external"),
    ("networks: {a: {driver: host}}", "bad_value", 2, "/networks/a/driver"),
    ("networks: {a: b}", "wrong_type", 2, "/networks/a"),
    ("name: My Shop", "bad_value", 2, "/name"),
    ("name: -x", "bad_value", 2, "/name"),
    ("version: [3]", "wrong_type", 2, "/version"),
    ("servcies: {}", "unknown_field", 2, "/servcies"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "pointer"), WHOLE)
def test_a_refused_top_level_field_is_named_with_its_line_and_pointer(text: str, code: str, line: int, pointer: str):
    checked = check("services: {web: {image: nginx}}\n" + text)
    errors = [found for found in checked.findings if found.severity == "error"]
    assert [(found.code, found.line, found.pointer) for found in errors] == [(code, line, pointer)]
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


@pytest.mark.parametrize("name", ["-web", "_web", "we b", "w" * 64, "a/b", "wéb", "$X", "null"])
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


def test_fifty_one_services_are_too_many():
    text = "services:\n" + "".join(f"  s{number}: {{image: x}}\n" for number in range(51))
    assert [(found.code, found.line) for found in check(text).findings] == [("too_many_services", 1)]


def test_a_cycle_of_dependencies_names_its_services():
    found = check(
        "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n"
        "  c: {image: x, depends_on: [a]}\n  d: {image: x}\n"
    ).findings
    assert [item.code for item in found] == ["cycle"]
    assert any(f"{names} →" in found[0].message for names in ("a → b → c", "b → c → a", "c → a → b"))


def test_a_service_without_a_healthcheck_cannot_be_waited_for_until_healthy():
    found = check(
        "services:\n  a: {image: x, depends_on: {b: {condition: service_healthy}}}\n"
        "  b: {image: x, healthcheck: {disable: true}}\n"
    ).findings
    assert [(item.code, item.pointer) for item in found] == [("bad_value", "/services/a")]


def test_all_findings_are_returned_at_once_in_the_order_of_the_text(field: Callable[..., CheckResult]):
    checked = field(
        "gpus: all\nimgae: x\nprivileged: true\nexpose: [0, 80, 0x50]\nenvironment: {A: $NO, B: $NO $NEVER}"
    )
    assert [(found.code, found.line) for found in checked.findings] == [
        ("device_refused", 4),
        ("unknown_field", 5),
        ("privileged_refused", 6),
        ("bad_value", 7),
        ("bad_value", 7),
        ("missing_variable", 8),
        ("missing_variable", 8),
        ("missing_variable", 8),
    ]


def test_at_most_a_hundred_errors_are_listed():
    text = "services: {web: {image: x}}\n" + "".join(f"f{number}: 1\n" for number in range(500))
    codes = [found.code for found in check(text).findings]
    assert len(codes) == 101
    assert codes[0] == "too_many_findings"


def test_at_most_a_hundred_warnings_are_listed_and_refuse_nothing():
    text = "services: {web: {image: x, environment: [" + ", ".join(f"N{number}" for number in range(300)) + "]}}"
    checked = check(text)
    assert [found.severity for found in checked.findings] == ["warning"] * 101
    assert checked.project


def test_a_misspelled_field_is_answered_with_the_right_name(field: Callable[..., CheckResult]):
    assert "Did you mean `image`" in field("imgae: x").findings[0].message


def test_ports_open_no_port_of_the_host(field: Callable[..., CheckResult]):
    checked = field("ports: ['80:8080']")
    assert "`expose: [8080]`" in checked.findings[0].message
    assert checked.project
    assert "published" not in repr(checked.project)


WEB_FIELD = "services: {{web: {{image: x, %s}}, db: {{image: x}}}}\nvolumes: {{d: }}\nnetworks: {{n: }}"
SECTIONS: list[tuple[FieldRules, str]] = [
    (SERVICE, WEB_FIELD % "{name}: x"),
    (TOP, "services: {{web: {{image: x}}}}\n{name}: x"),
    (VOLUME, "services: {{web: {{image: x}}}}\nvolumes: {{a: {{{name}: x}}}}"),
    (NETWORK, "services: {{web: {{image: x}}}}\nnetworks: {{a: {{{name}: x}}}}"),
    (CONFIG, "services: {{web: {{image: x}}}}\nconfigs: {{a: {{{name}: x}}}}"),
    (ATTACHMENT, WEB_FIELD % "networks: {{n: {{{name}: x}}}}"),
    (DEPLOY, WEB_FIELD % "deploy: {{{name}: x}}"),
    (RESTART_POLICY, WEB_FIELD % "deploy: {{restart_policy: {{{name}: x}}}}"),
    (LIMITS, WEB_FIELD % "deploy: {{resources: {{limits: {{{name}: x}}}}}}"),
    (RESERVATIONS, WEB_FIELD % "deploy: {{resources: {{reservations: {{{name}: x}}}}}}"),
    (MOUNT, WEB_FIELD % "volumes: [{{source: d, target: /d, {name}: x}}]"),
    (BIND, WEB_FIELD % "volumes: [{{type: bind, source: ./d, target: /d, bind: {{{name}: x}}}}]"),
    (VOLUME_MOUNT, WEB_FIELD % "volumes: [{{source: d, target: /d, volume: {{{name}: x}}}}]"),
    (DEPENDENCY, WEB_FIELD % "depends_on: {{db: {{{name}: x}}}}"),
]


@pytest.mark.parametrize(
    ("template", "name", "code"),
    [(text, name, code) for rules, text in SECTIONS for name, (code, _) in rules.refused.items()],
)
def test_every_refused_field_has_a_message_that_names_it(template: str, name: str, code: str):
    (found,) = [found for found in check(template.format(name=name)).findings if found.code != "translated"]
    assert (found.code, found.severity) == (code, "error")
    assert f"`{name}`" in found.message
    assert found.message.endswith(".")


@pytest.mark.parametrize(("template", "name"), [(text, name) for rules, text in SECTIONS for name in rules.ignored])
def test_every_ignored_field_has_a_warning_with_a_reason(template: str, name: str):
    checked = check(template.format(name=name))
    (found,) = [found for found in checked.findings if found.code != "translated"]
    assert (found.code, found.severity) == ("not_kept", "warning")
    assert found.message.startswith(f"`{name}` has no effect: ")
    assert checked.project


@pytest.mark.parametrize(
    ("template", "name"), [(text, name) for rules, text in SECTIONS for name in sorted(rules.silent)]
)
def test_fields_without_an_effect_on_a_deployment_give_no_finding(template: str, name: str):
    assert {found.code for found in check(template.format(name=name)).findings} <= {"translated"}


@pytest.mark.parametrize(("rules", "template"), SECTIONS)
def test_a_blank_value_of_a_refused_field_asks_for_nothing(rules: FieldRules, template: str):
    for name in (*rules.refused, *rules.ignored):
        for value in ("", "[]", "false", "''"):
            checked = check(template.replace("{name}: x", "{name}: " + value).format(name=name))
            assert {found.code for found in checked.findings} <= {"translated"}, (name, value)
            assert checked.project


def test_every_code_has_a_meaning_and_is_one_word():
    assert all(word.replace("_", "").isalpha() and word.islower() for word in CODES)
    assert all(meaning.endswith(".") for meaning in CODES.values())


def test_replicas_that_write_to_one_volume_are_refused():
    text = "services: {web: {image: a, volumes: ['data:/d'], deploy: {replicas: 2}}}\nvolumes: {data: }"
    assert [(found.code, found.pointer) for found in check(text).findings] == [("bad_value", "/services/web")]
    assert check(text.replace(":/d", ":/d:ro")).findings == ()
