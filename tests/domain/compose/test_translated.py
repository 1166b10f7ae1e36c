"""What is accepted with a warning: the component that it becomes, and where the warning points."""

from collections.abc import Callable

import pytest

from domain.compose import CheckResult, check
from domain.model.project import Component, ContainerFile, Mount, Port

TRANSLATED = [
    ("ports: ['8080:80', 90]", "expose", (80, 90), "translated", "/ports/0"),
    ("ports: ['8080:80', '53:53/udp']", "ports", (Port(80), Port(53, "udp")), "translated", "/ports/0"),
    ("ports: ['127.0.0.1:80:80', '[::1]:81:81', '::1:82:82', ':83', '84']", "expose", (80, 81, 82, 83, 84),
     "translated", "/ports/0"),
    ("ports: ['3000-3002:4000-4002']", "expose", (4000, 4001, 4002), "translated", "/ports/0"),
    ("ports: [{target: 80, published: '8080', host_ip: 127.0.0.1, mode: host}]", "expose", (80,), "translated",
     "/ports/0"),
    ("ports: [80]\nexpose: [81, 80]", "expose", (80, 81), "translated", "/ports/0"),
    ("volumes: [/var/lib/x]", "mounts", (Mount("_web.var.lib.x", "/var/lib/x"),), "translated", "/volumes/0"),
    ("volumes: [{type: volume, target: /x}]", "mounts", (Mount("_web.x", "/x"),), "translated", "/volumes/0/target"),
    ("volumes: ['./data:/x']", "mounts", (Mount(".data", "/x"),), "translated", "/volumes/0"),
    ("volumes: ['./data/db/:/x:ro']", "mounts", (Mount(".data.db", "/x", read_only=True),), "translated", "/volumes/0"),
    ("volumes: ['data/db:/x']", "mounts", (Mount(".data.db", "/x"),), "translated", "/volumes/0"),
    ("volumes: [{type: bind, source: ./data, target: /x}]", "mounts", (Mount(".data", "/x"),), "translated",
     "/volumes/0/source"),
    ("volumes: ['other:/x']", "mounts", (Mount("other", "/x"),), "unknown_volume", "/volumes/0"),
    ("volumes: ['/etc/localtime:/etc/localtime:ro', 'data:/x']", "mounts", (Mount("data", "/x"),), "not_kept",
     "/volumes/0"),
    ("volumes: ['data:/a', 'data:/a/:ro']", "mounts", (Mount("data", "/a", read_only=True),), "duplicate_mount",
     "/volumes/1"),
    ("volumes: ['data:/a:rw,rslave']", "mounts", (Mount("data", "/a"),), "not_kept", "/volumes/0"),
    ("environment: {A: 010}", "environment", {"A": "8"}, "translated", "/environment/A"),
    ("environment: {A: 1.50, B: 1}", "environment", {"A": "1.5", "B": "1"}, "translated", "/environment/A"),
    ("environment: [UNSET, A=1]", "environment", {"A": "1"}, "missing_variable", "/environment/0"),
    ("environment: {UNSET: , A: 1}", "environment", {"A": "1"}, "missing_variable", "/environment/UNSET"),
    ("labels: {traefik.enable: 'true', caddy_1: x, Panel.x: y, panel: z, a: b}", "labels", {"a": "b"},
     "reserved_label", "/labels"),
    ("labels: [com.docker.compose.project=x, io.docker.x=y]", "labels", {}, "reserved_label", "/labels"),
    ("depends_on: {db: {condition: service_started, restart: true}}", "depends_on", {"db": "service_started"},
     "not_kept", "/depends_on/db/restart"),
    ("stop_grace_period: 10m", "stop_grace", 300, "translated", "/stop_grace_period"),
    ("pull_policy: never", "image", "nginx", "not_kept", "/pull_policy"),
    ("deploy: {mode: global}", "replicas", 1, "translated", "/deploy/mode"),
    ("deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", "restart", "on-failure", "not_kept",
     "/deploy/restart_policy/max_attempts"),
    ("networks: {back: {ipv4_address: 10.0.0.2}}", "networks", ("back",), "not_kept", "/networks/back/ipv4_address"),
    ("cap_add: [NET_RAW]", "cap_add", (), "not_kept", "/cap_add/0"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "attribute", "expected", "code", "pointer"), TRANSLATED)
def test_a_translated_field_has_a_warning_and_becomes_an_attribute(
    field: Callable[..., CheckResult], text: str, attribute: str, expected: object, code: str, pointer: str
):
    checked = field(text)
    assert {found.severity for found in checked.findings} == {"warning"}
    assert (code, "/services/web" + pointer) in [(found.code, found.pointer) for found in checked.findings]
    assert component(checked) is not None
    assert getattr(component(checked), attribute) == expected


def component(checked: CheckResult, name: str = "web") -> Component:
    assert checked.project
    found = checked.project.component(name)
    assert found
    return found


def test_a_link_gives_the_other_service_an_alias(field: Callable[..., CheckResult]):
    assert component(field("links: ['db:database', 'db:pg', db]"), "db").aliases == ("database", "pg")


def test_a_service_mounts_the_volumes_of_another_one():
    text = (
        "services:\n  a: {image: x, volumes_from: ['b:ro'], volumes: ['own:/1']}\n  b: {image: x, volumes_from: [c]}\n"
        "  c: {image: x, volumes: ['v:/1', 'w:/2']}\nvolumes: {v: , w: , own: }"
    )
    checked = check(text)
    assert checked.findings == ()
    assert component(checked, "a").mounts == (Mount("own", "/1"), Mount("w", "/2", read_only=True))
    assert component(checked, "b").mounts == (Mount("v", "/1"), Mount("w", "/2"))
    assert component(checked, "a").depends_on == {"b": "service_started"}


def test_a_component_without_replicas_is_no_endpoint():
    project = check("services: {a: {image: x, expose: [80], scale: 0}, b: {image: x, expose: [81]}}").project
    assert project
    assert project.public_endpoint() == (project.component("b"), 81)


def test_services_with_the_same_directory_share_a_volume():
    checked = check(
        "services:\n  a: {image: x, volumes: ['./data:/a']}\n  b: {image: x, volumes: ['data/.:/b', /data]}\n"
        "volumes: {data: }"
    )
    assert checked.project
    assert checked.project.volumes == ("data", ".data", "_b.data")
    assert checked.project.volume_paths == {".data": "./data", "_b.data": "/data"}


def test_different_paths_have_different_volumes():
    paths = [
        "./a/b",
        "./a.b",
        "./a-b",
        "./a_b",
        "../a/b",
        "./..a/b",
        ".",
        "./a b",
        "./A/b",
        "./" + "x" * 80,
        "./é",
        "./b",
    ]
    mounts = ", ".join(f"'{path}:/m{number}'" for number, path in enumerate(paths))
    checked = check(f"services: {{web: {{image: x, volumes: [{mounts}]}}}}")
    assert checked.project
    names = checked.project.volumes
    assert len(set(names)) == len(paths)
    assert all(len(name) <= 63 and name[0] == "." for name in names)


def test_a_volume_that_is_used_twice_is_declared_once(field: Callable[..., CheckResult]):
    checked = field("volumes: ['other:/x', 'other:/y']")
    assert [found.code for found in checked.findings] == ["unknown_volume"]
    assert checked.project
    assert checked.project.volumes == ("data", "other")


def test_a_given_file_is_written_into_the_container():
    checked = check(
        "services: {web: {image: x, volumes: ['./a/nginx.conf:/etc/nginx.conf:ro']}}", {}, {"a/nginx.conf": "x"}
    )
    assert component(checked).files == (ContainerFile("/etc/nginx.conf", b"x", 0o644),)


def test_a_given_script_is_executable():
    checked = check("services: {web: {image: x, volumes: ['./run:/run.sh']}}", {}, {"./run": "#!/bin/sh\n"})
    assert component(checked).files == (ContainerFile("/run.sh", b"#!/bin/sh\n", 0o755, read_only=False),)


def test_a_directory_of_given_files_is_a_volume_with_these_files_only():
    files = {"conf/a.conf": "a", "conf/sub/b.conf": "b", "other": "c"}
    checked = check("services: {web: {image: x, volumes: ['./conf:/etc/conf.d']}}", {}, files)
    web = component(checked)
    assert web.mounts == (Mount(".conf", "/etc/conf.d", no_copy=True),)
    assert [(file.path, file.content) for file in web.files] == [
        ("/etc/conf.d/a.conf", b"a"),
        ("/etc/conf.d/sub/b.conf", b"b"),
    ]


def test_a_read_only_directory_of_given_files_is_no_volume_of_the_service():
    checked = check("services: {web: {image: x, volumes: ['./conf:/c:ro']}}", {}, {"conf/a": "a"})
    assert component(checked).mounts == (Mount("", "/c", read_only=True, no_copy=True),)
    assert checked.project
    assert checked.project.volumes == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("configs: [c]\nconfigs: {c: {content: 'a ${V} $$'}}", ContainerFile("/c", b"a value $")),
        ("configs: [{source: c, target: /etc/c, mode: 0400, uid: '5', gid: 6}]\nconfigs: {c: {environment: V}}",
         ContainerFile("/etc/c", b"value", 0o400, 5, 6)),
        ("configs: [{source: c, mode: '0440'}]\nconfigs: {c: {file: ./f}}", ContainerFile("/c", b"given $V", 0o440)),
        ("secrets: [c]\nsecrets: {c: {file: f}}", ContainerFile("/run/secrets/c", b"given $V")),
        ("secrets: [{source: c, target: d}]\nsecrets: {c: {environment: V}}",
         ContainerFile("/run/secrets/d", b"value")),
        ("secrets: [{source: c, target: /d}]\nsecrets: {c: {content: x, name: y}}", ContainerFile("/d", b"x")),
    ],
)  # fmt: skip
def test_a_config_or_secret_is_a_file_in_the_container(text: str, expected: ContainerFile):
    field, declaration = text.split("\n")
    checked = check(f"services: {{web: {{image: x, {field}}}}}\n{declaration}", {"V": "value"}, {"f": "given $V"})
    assert component(checked).files == (expected,)


@pytest.mark.parametrize(
    ("declaration", "code"),
    [
        ("{external: true, content: x}", "external_refused"),
        ("{file: /etc/shadow}", "secret_file_refused"),
        ("{file: ./absent}", "missing_file"),
        ("{environment: UNSET}", "missing_variable"),
        ("{}", "bad_value"),
        ("x", "wrong_type"),
    ],
)
def test_a_secret_without_a_content_is_refused(declaration: str, code: str):
    checked = check(f"services: {{web: {{image: x, secrets: [c]}}}}\nsecrets: {{c: {declaration}}}")
    assert code in [found.code for found in checked.findings if found.severity == "error"]


def test_the_content_of_a_file_is_not_in_the_repr_of_a_project():
    checked = check("services: {web: {image: x, secrets: [c]}}\nsecrets: {c: {environment: V}}", {"V": "canary"})
    assert checked.project
    assert "canary" not in repr(checked.project)


ENV_FILE = """
# comment
PLAIN=a b # comment
export QUOTED="two\\nlines $V \\$V"
SINGLE='$V # kept'
COLON: x
EMPTY=
ONLY
V
URL=http://x/#y
MULTI="one
two"
"""


def test_an_env_file_is_read_as_compose_reads_it():
    checked = check(
        "services: {web: {image: x, env_file: [a.env], environment: {COLON: own}}}", {"V": "v"}, {"a.env": ENV_FILE}
    )
    assert component(checked).environment == {
        "PLAIN": "a b", "QUOTED": "two\nlines v $V", "SINGLE": "$V # kept", "COLON": "own", "EMPTY": "", "V": "v",
        "URL": "http://x/#y", "MULTI": "one\ntwo",
    }  # fmt: skip


def test_a_later_env_file_wins_and_an_optional_one_may_be_missing():
    text = "services: {web: {image: x, env_file: [a.env, {path: b.env}, {path: c.env, required: false}]}}"
    assert component(check(text, {}, {"a.env": "A=1\nB=1", "b.env": "B=2"})).environment == {"A": "1", "B": "2"}


def test_a_raw_env_file_is_not_interpolated():
    text = "services: {web: {image: x, env_file: [{path: a.env, format: raw}]}}"
    assert component(check(text, {"V": "v"}, {"a.env": 'A="$V"'})).environment == {"A": '"$V"'}


@pytest.mark.parametrize("name", [".env", "./.env", "stack.env"])
def test_the_file_of_the_project_means_the_variables_of_the_service(name: str):
    checked = check(f"services: {{web: {{image: x, env_file: {name}}}}}", {"A": "1", "B": "2"})
    assert checked.findings == ()
    assert component(checked).environment == {"A": "1", "B": "2"}
    assert checked.used == {"A", "B"}


def test_the_variables_of_the_service_win_over_a_given_env_file():
    checked = check("services: {web: {image: x, env_file: .env}}", {"A": "1"}, {".env": "A=0\nB=2"})
    assert component(checked).environment == {"A": "1", "B": "2"}


def test_files_have_a_greatest_size():
    checked = check("services: {web: {image: x}}", {}, {"a": "x" * 2**19, "b": "x" * (2**19 + 1)})
    assert [found.code for found in checked.findings] == ["too_large"]


def test_a_service_whose_profile_is_not_active_is_left_out():
    text = "services:\n  web: {image: x}\n  debug: {image: x, profiles: [debug], privileged: true}"
    checked = check(text)
    assert [(found.code, found.severity) for found in checked.findings] == [("not_kept", "warning")]
    assert checked.project
    assert [part.name for part in checked.project.components] == ["web"]


@pytest.mark.parametrize("active", ["debug", "a,debug", "*"])
def test_compose_profiles_activates_profiles(active: str):
    text = "services:\n  web: {image: x}\n  debug: {image: x, profiles: [debug]}"
    project = check(text, {"COMPOSE_PROFILES": active}).project
    assert project
    assert len(project.components) == 2


def test_a_dependency_on_a_service_without_an_active_profile_is_refused():
    text = "services:\n  web: {image: x, depends_on: [debug]}\n  debug: {image: x, profiles: [debug]}"
    assert [found.code for found in check(text).findings if found.severity == "error"] == ["unknown_service"]


@pytest.mark.parametrize(
    ("field", "translation"),
    [
        ("ports: ['8080:80']", "`8080:80` → `expose: [80]`"),
        ("ports: ['3000-3001:4000-4001']", "`3000-3001:4000-4001` → `expose: [4000-4001]`"),
        ("ports: ['$P:80']", "`$P:80` → `expose`:"),
        ("volumes: ['./data:/x']", "`./data` → the volume `.data` of the service"),
        ("volumes: ['./$P:/x']", "`./$P` → a volume of the service"),
        ("volumes: [/x]", "`/x` → the volume `_web.x` of the service"),
        ("environment: {A: 010}", "`010` → `8`"),
        ("stop_grace_period: 1h", "`1h` → `300s`"),
    ],
)
def test_a_translation_says_what_was_and_what_becomes_of_it(field: str, translation: str):
    checked = check(f"services: {{web: {{image: x, {field}}}}}", {"P": "8080"})
    assert [found.message[: len(translation)] for found in checked.findings] == [translation]


def test_a_port_without_http_can_be_published():
    [found] = check("services: {web: {image: x, ports: ['53:53/udp']}}").findings
    assert "`publish`" in found.message
