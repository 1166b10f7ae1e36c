"""Interpolation of variables: what each form means, what is an error, and that values are not interpreted again."""

from collections.abc import Callable

import pytest

from domain.compose import CheckResult, check
from domain.compose.interpolation import LONGEST_VALUE, MOST_FILLED
from domain.model.project import Component

VALUES = {"A": "one", "EMPTY": "", "DOLLAR": "$A ${A} $$", "SPACE": "two words"}


def filled(text: str):
    quoted = text.replace("'", "''")
    checked = check(f"services: {{web: {{image: x, environment: {{V: '{quoted}'}}}}}}", VALUES)
    assert checked.findings == ()
    assert checked.project
    return checked.project.components[0].environment["V"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A", "one"),
        ("${A}", "one"),
        ("<$A-${A}>", "<one-one>"),
        ("$A_", None),
        ("$EMPTY", ""),
        ("$$A", "$A"),
        ("$$$A", "$one"),
        ("$$${A}", "$one"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("${A:-x}", "one"),
        ("${EMPTY:-x}", "x"),
        ("${NO:-x}", "x"),
        ("${NO:-}", ""),
        ("${A-x}", "one"),
        ("${EMPTY-x}", ""),
        ("${NO-x}", "x"),
        ("${A:?say}", "one"),
        ("${A?say}", "one"),
        ("${EMPTY?say}", ""),
        ("${A:+x}", "x"),
        ("${EMPTY:+x}", ""),
        ("${NO:+x}", ""),
        ("${A+x}", "x"),
        ("${EMPTY+x}", "x"),
        ("${NO+x}", ""),
        ("${NO:-${A}}", "one"),
        ("${NO:-${NO2:-$A!}}", "one!"),
        ("${NO:-a b:c-d}", "a b:c-d"),
        ("${NO:-$$}", "$"),
        ("{}", "{}"),
        ("}${A}}", "}one}"),
        ("$DOLLAR", "$A ${A} $$"),
        ("${NO:-$DOLLAR}", "$A ${A} $$"),
        ("it's", "it's"),
    ],
)
def test_each_form_means_what_compose_says(text: str, expected: object):
    if expected is None:
        checked = check(f"services: {{web: {{image: x, environment: {{V: '{text}'}}}}}}", VALUES)
        assert [found.code for found in checked.findings] == ["missing_variable"]
    else:
        assert filled(text) == expected


@pytest.mark.parametrize(
    ("text", "severity"),
    [("$NO", "warning"), ("${NO}", "warning"), ("${NO:-$NO}", "warning"), ("${A:+$NO}", "warning"),
     ("${NO:?say}", "error"), ("${NO?say}", "error"), ("${EMPTY:?say}", "error"), ("${NO:-${NO:?say}}", "error")],
)  # fmt: skip
def test_a_variable_without_a_value_is_a_warning_and_a_required_one_an_error(text: str, severity: str):
    checked = check(f"services:\n  web:\n    image: x\n    command: ['{text}']", VALUES)
    assert [(found.code, found.line, found.pointer, found.severity) for found in checked.findings] == [
        ("missing_variable", 4, "/services/web/command/0", severity)
    ]
    assert (checked.project is None) == (severity == "error")


def test_a_variable_without_a_value_is_empty(field: Callable[..., CheckResult]):
    project = field("command: [a$NO]\nuser: $NO\nrestart: $NO").project
    assert project
    web = project.component("web")
    assert web
    assert (web.command, web.user, web.restart) == (("a",), None, None)


def test_a_variable_that_coolify_generates_is_explained(field: Callable[..., CheckResult]):
    assert "Coolify" in field("command: [$SERVICE_PASSWORD_DB]").findings[0].message


def test_the_message_of_a_required_variable_is_quoted(field: Callable[..., CheckResult]):
    assert "`the mail server`" in field("command: ${NO:?the mail server}").findings[0].message


def test_a_default_that_is_not_used_can_name_an_unset_variable(field: Callable[..., CheckResult]):
    assert field("command: ${A:-$NO}", A="x").findings == ()


def test_each_missing_variable_of_a_value_is_a_finding(field: Callable[..., CheckResult]):
    assert [found.message.split("`")[1] for found in field("command: $NO $NEVER").findings] == ["NO", "NEVER"]


@pytest.mark.parametrize("text", ["${", "${}", "${1}", "${A", "${A:}", "${A!}", "${A:-x", "${A:-${B}", "${" * 40,
                                  "${A:-" * 12 + "}" * 12])  # fmt: skip
def test_braces_that_are_not_closed_or_hold_no_name_are_a_finding(text: str):
    found = check(f"services:\n  web:\n    image: x\n    command: '{text}'", VALUES).findings
    assert [(item.code, item.line) for item in found] == [("bad_interpolation", 4)]
    assert "`$$`" in found[0].message or "Nest" in found[0].message


def test_a_dollar_without_a_name_is_literal():
    for text in ("$", "a$", "$ ", "$1", "$-", "$é", "$(id)"):
        assert filled(text) == text
    assert filled("${NO-$}") == "$"


def test_the_variables_that_a_refused_text_names_are_returned():
    text = "services: {web: {image: '$A', gpus: '${P:-80}', command: '${X:-${Y}}', environment: [E], expose: ['$$N']}}"
    assert check(text).used == {"A", "P", "X", "Y", "E"}


def test_variables_in_extensions_are_not_counted_as_used():
    assert check("x-a: $A\nservices: {web: {image: x, x-b: $B}}").used == frozenset()


def test_keys_are_not_interpolated(field: Callable[..., CheckResult]):
    checked = field("environment: {$A: x}\nlabels: ['$A=x']", A="NAME")
    assert [(item.code, item.pointer) for item in checked.findings] == [("bad_name", "/services/web/labels/0")]
    assert check("services: {web: {image: x, environment: {$A: x}}}", {"A": "y"}).used == frozenset()


def test_a_value_cannot_bring_another_variable_into_a_list(web: Callable[..., Component]):
    assert web("environment: ['B=$A', 'C=x']", A="1\nLD_PRELOAD=/x,D=2").environment == {
        "B": "1\nLD_PRELOAD=/x,D=2",
        "C": "x",
    }


def test_the_value_of_a_variable_is_one_word_of_a_command(web: Callable[..., Component]):
    value = 'a \'b "c" $X `id` \\ ; --flag #'
    assert web("command: run $A --x=\"$A\" '$A'", A=value).command == ("run", value, f"--x={value}", value)


def test_an_empty_value_is_no_word_unless_it_is_quoted(web: Callable[..., Component]):
    assert web("command: run $A '$A' x", A="").command == ("run", "", "x")


def test_a_default_is_split_like_written_text(web: Callable[..., Component]):
    assert web("command: ${A:-run --fast}").command == ("run", "--fast")


@pytest.mark.parametrize("name", ["volumes", "deploy", "environment", "image", "command", "expose", "healthcheck"])
def test_a_required_variable_without_a_value_is_one_finding_and_not_two(name: str):
    checked = check(
        f"services: {{web: {{image: x}}, db: {{image: x, {name}: '${{NO:?}}'}}}}".replace("image: x, image", "image")
    )
    assert [found.code for found in checked.findings] == ["missing_variable"]


@pytest.mark.parametrize("value", ["/etc", "/var/run/docker.sock", "~", "C:\\x"])
def test_the_value_of_a_variable_passes_the_same_policy_as_written_text(field: Callable[..., CheckResult], value: str):
    codes = {found.code.value for found in field("volumes: ['$A:/x']", A=value).findings}
    assert codes <= {"host_mount_refused", "docker_socket_refused"}
    assert codes


def test_a_value_can_fill_a_number_or_a_flag(web: Callable[..., Component]):
    component = web(
        "read_only: $FLAG\ndeploy: {replicas: $COUNT}\nexpose: ['$PORT']", FLAG="true", COUNT="2", PORT="80"
    )
    assert (component.read_only, component.replicas, component.expose) == (True, 2, (80,))


def test_the_value_null_of_a_variable_is_a_string(web: Callable[..., Component]):
    assert web("environment: {A: $A, B: '$B'}", A="null", B="").environment == {"A": "null", "B": ""}


def test_a_name_without_a_value_has_the_value_of_the_variable(web: Callable[..., Component]):
    assert web("environment: {A: , B: ~}", A="$x", B="2").environment == {"A": "$x", "B": "2"}
    assert web("environment: [A, B=]", A="$x").environment == {"A": "$x", "B": ""}


FIELDS = [
    "image: $S", "command: {a: $S}", "entrypoint: $S 'x", "expose: [$S]", "volumes: ['$S:/x']", "volumes: ['data:$S']",
    "volumes: ['$S']", "volumes: [{source: $S, target: /x}]", "volumes: [{source: data, target: $S}]", "tmpfs: $S",
    "volumes: [{source: data, target: /x, type: $S}]", "tmpfs: '/x:$S'", "healthcheck: {interval: $S}",
    "healthcheck: {retries: $S}", "healthcheck: {disable: $S}", "healthcheck: {test: ['$S']}", "depends_on: [$S]",
    "depends_on: {db: {condition: $S}}", "restart: $S", "user: $S", "working_dir: $S", "read_only: $S",
    "cap_drop: [$S]", "stop_grace_period: $S", "deploy: {replicas: $S}", "deploy: {resources: {limits: {cpus: $S}}}",
    "deploy: {resources: {limits: {memory: $S}}}", "networks: [$S]", "unknown: $S", "ports: [$S]", "links: $S",

    "links: [$S]", "hostname: $S", "cap_add: [$S]", "network_mode: $S",
    "pid: $S", "security_opt: [$S]", "ulimits: {nofile: $S}", "extra_hosts: [$S]", "scale: $S",
    "volumes: ['./$S:/x']", "volumes: ['/$S']", "env_file: $S", "configs: [$S]", "secrets: [{source: $S}]",
    "shm_size: $S", "group_add: [$S]", "sysctls: ['a=$S']", "platform: $S", "profiles: [$S]", "extends: $S",
    "environment: [$S]", "labels: ['$S=x']",
]  # fmt: skip


@pytest.mark.parametrize("text", FIELDS)
def test_no_finding_shows_the_value_of_a_variable(text: str):
    head = "" if text.startswith("image") else "image: x\n    "
    secret = "canary \u2019 42"
    checked = check(
        f"services:\n  web:\n    {head}{text}\n  db: {{image: x}}\nvolumes: {{data: }}\nname: $S", {"S": secret}
    )
    assert len(checked.findings) >= 2
    assert not [found for found in checked.findings if "canary" in found.message + found.pointer]


@pytest.mark.parametrize("value", ["a\x00b", "a\x1b[31m", "\ud800"])
def test_a_control_character_in_a_variable_is_refused_where_it_is_used(field: Callable[..., CheckResult], value: str):
    for entry in ("B: $A", "A:", "- B=$A", "- A"):
        checked = field("environment:\n  " + entry, A=value)
        assert [(item.code, item.line) for item in checked.findings] == [("control_character", 5)]


def test_the_length_of_a_value_is_limited(field: Callable[..., CheckResult]):
    assert field("command: ['$A']", A="x" * LONGEST_VALUE).findings == ()
    assert [item.code for item in field("command: ['$A$B']", A="x" * LONGEST_VALUE, B="y").findings] == ["too_long"]
    assert [item.code for item in field("command: ['$A']", A="é" * LONGEST_VALUE).findings] == ["too_long"]


def test_variables_cannot_make_a_small_text_large(field: Callable[..., CheckResult]):
    times = MOST_FILLED // LONGEST_VALUE + 1
    text = "command: [" + ", ".join(["'$A'"] * times) + "]"
    assert [item.code for item in field(text, A="x" * LONGEST_VALUE).findings] == ["too_large"]


def test_hostile_values_reach_the_container_unchanged(web: Callable[..., Component]):
    hostile = [
        ";",
        "|",
        "&",
        "$(id)",
        "`id`",
        "\n",
        "\t",
        "'",
        '"',
        "-rf",
        "\u2019\u201c",
        "x" * LONGEST_VALUE,
        "\\",
        "{{a}}",
    ]
    for value in hostile:
        component = web("command: ['$A']\nenvironment: {V: $A}\nlabels: {l: $A}", A=value)
        assert (component.command, component.environment, component.labels) == ((value,), {"V": value}, {"l": value})
