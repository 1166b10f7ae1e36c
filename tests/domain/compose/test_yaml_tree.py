"""How the text is read: positions, duplicates, limits, aliases and what plain words mean."""

from collections.abc import Callable

import pytest

from domain.compose import CheckResult, check
from domain.compose.findings import FindingCollector
from domain.compose.yaml_tree import MOST_BYTES, MOST_DEPTH, MOST_NODES, parse


def codes(text: str):
    return [(found.code.value, found.line) for found in check(text).findings]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("services: [", 1),
        ("services:\n  web: {image: x\n  db: {}", 3),
        ("a: b: c", 1),
        ("services:\n\tweb: x", 2),
        ("a: @b", 1),
        ("a: 'b", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: *nothing", 1),
        ("%YAML 3.0\n---\na: 1", 1),
        ("a: b\n\ud800", 2),
        ('a: "\\ud800"', 1),
        ("a: \ufffe", 1),
    ],
)
def test_text_that_is_not_yaml_is_one_finding_with_its_line(text: str, line: int):
    assert codes(text) == [("not_yaml", line)]


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x9b"])
def test_a_control_character_in_the_text_is_refused(character: str):
    assert codes(f"services:\n  web: {{image: 'a{character}'}}") == [("control_character", 2)]


@pytest.mark.parametrize("escape", ["\\0", "\\e", "\\x07", "\\b", "\\x9b", "\\x7f"])
def test_an_escaped_control_character_is_refused_at_its_location(field: Callable[..., CheckResult], escape: str):
    checked = field(f'environment: {{A: "x{escape}"}}\ncommand: "x{escape}"')
    assert [(found.code, found.line, found.pointer) for found in checked.findings] == [
        ("control_character", 4, "/services/web/environment/A"),
        ("control_character", 5, "/services/web/command"),
    ]


def test_a_text_of_the_largest_size_is_read():
    text = "services: {web: {image: x}}\n#"
    assert codes(text + "x" * (MOST_BYTES - len(text))) == []
    assert codes(text + "x" * (MOST_BYTES - len(text) + 1)) == [("too_large", 1)]


def test_the_size_is_that_of_the_encoded_text():
    assert codes("services: {web: {image: x}}\n#" + "é" * (MOST_BYTES // 2)) == [("too_large", 1)]


def nested(depth: int):
    return "services: {web: {image: x}}\nx-a: " + "[" * (depth - 1) + "]" * (depth - 1)


def test_nesting_ends_at_its_limit():
    assert codes(nested(MOST_DEPTH)) == []
    assert codes(nested(MOST_DEPTH + 1)) == [("too_deep", 2)]


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "{? ", "[{a: "])
def test_deep_nesting_stops_at_the_limit(opening: str):
    assert codes(opening * (MOST_BYTES // len(opening))) == [("too_deep", 1)]


def test_aliases_cannot_nest_deeper_than_text_can():
    chain = "".join(f"x-{number}: &a{number} [[*a{number - 1}]]\n" for number in range(1, 12))
    assert codes("x-0: &a0 []\n" + chain)[0][0] == "too_deep"


def test_more_values_than_the_limit_are_too_large():
    assert codes("a: [" + "1," * MOST_NODES + "]") == [("too_large", 1)]


def test_nested_aliases_stop_before_they_expand():
    lines = ["x-a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"x-{to}: &{to} [{', '.join([f'*{of}'] * 10)}]" for of, to in zip("abcdefgh", "bcdefghi", strict=True)]
    assert codes("\n".join(lines)) == [("alias_bomb", 4)]


def test_nested_merge_keys_stop_before_they_expand():
    lines = ["x-a: &a {" + ", ".join(f"k{number}: 1" for number in range(100)) + "}"]
    lines += [f"x-{to}: &{to} {{<<: [{', '.join([f'*{of}'] * 10)}]}}" for of, to in zip("abcde", "bcdef", strict=True)]
    assert codes("\n".join(lines))[0][0] == "alias_bomb"


def test_aliases_of_a_long_text_stop_at_the_limit():
    assert codes("x-a: &a " + "z" * 100_000 + "\nx-b: [" + "*a, " * 20 + "]") == [("alias_bomb", 2)]


def test_the_number_of_nodes_stays_within_the_limit():
    text = "x-a: &a [" + "1, " * 90 + "]\nx-b: [" + "*a, " * 100 + "]"
    root = parse(text, FindingCollector())
    assert root
    assert root.size.nodes <= MOST_NODES


@pytest.mark.parametrize("text", ["&a [*a]", "&a {b: *a}", "a: &a {<<: *a}", "&a {*a : b}"])
def test_an_alias_of_itself_is_refused(text: str):
    assert codes(text) == [("recursive_alias", 1)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("services:\n  web: {image: x}\nservices:\n  web: {image: y}", 3),
        ("services:\n  web: {image: x}\n  web: {image: y}", 3),
        ("services:\n  web: {image: x, 'image': y}", 2),
        ('services:\n  web:\n    image: x\n    environment:\n      A: 1\n      "A": 2', 6),
        ("x-a: &a {restart: always}\nservices:\n  web:\n    image: x\n    <<: *a\n    <<: *a", 6),
    ],
)
def test_a_duplicate_key_is_a_finding(text: str, line: int):
    assert codes(text) == [("duplicate_key", line)]


@pytest.mark.parametrize(
    "text", ["? [a]\n: b", "? {a: b}\n: c", "~: x", "'': x", "k" * 257 + ": x", "? |\n  " + "k" * 2000 + "\n: x"]
)
def test_a_key_is_a_short_string(text: str):
    assert "bad_key" in [code for code, _ in codes("services: {web: {image: x}}\n" + text)]


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!binary", "!include", "!reset", "!override", "!!timestamp", "!!set"]
)
def test_other_tags_are_refused_at_their_location(tag: str):
    assert codes(f"services:\n  web:\n    image: x\n    command: {tag} [id]")[:1] == [("tag_refused", 4)]


def test_tags_of_plain_types_are_accepted():
    text = "services: !!map {web: {image: !!str x, command: !!seq [a], scale: !!int 2, !!merge <<: {user: a}}}"
    assert codes(text) == []


def test_findings_in_an_aliased_value_point_to_each_use():
    text = "x-a: &a\n  privileged: true\nservices:\n  web:\n    image: x\n    <<: *a\n  db:\n    image: x\n"
    text += "    deploy: *a\n"
    assert [(found.line, found.pointer) for found in check(text).findings] == [
        (2, "/services/db/deploy/privileged"),
        (2, "/services/web/privileged"),
    ]


def test_own_entries_win_over_merged_ones_and_earlier_merges_over_later_ones():
    project = check(
        "x-a: &a {user: a, working_dir: /a, restart: always}\nx-b: &b {user: b, working_dir: /b, read_only: true}\n"
        "services:\n  web:\n    <<: [*a, *b]\n    image: x\n    user: own\n"
    ).project
    assert project
    web = project.components[0]
    assert (web.user, web.working_dir, web.restart, web.read_only) == ("own", "/a", "always", True)


def test_only_maps_can_be_merged():
    assert codes("services:\n  web:\n    image: x\n    <<: [a]") == [("wrong_type", 4)]


def test_a_quoted_merge_key_is_a_field_like_any_other():
    assert codes("services:\n  web:\n    image: x\n    '<<': {user: a}") == [("unknown_field", 4)]


@pytest.mark.parametrize("text", ["services: x", "services: [web]", "- a", "text", "services: {web: x}", "5"])
def test_a_map_is_needed_where_names_stand(text: str):
    assert "wrong_type" in [code for code, _ in codes(text)]


def test_extensions_are_not_checked():
    assert codes("x-a: {b: [$, '${', !x y]}\nservices: {web: {image: x, x-b: $}}") == [("tag_refused", 1)]
