"""Any input gives a project, or findings that say why there is none."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from domain.compose import CODES, check
from domain.compose.components import READERS as FIELDS
from domain.compose.refusals import SERVICE

hostile = st.sampled_from(
    [";", "|", "&", "$(id)", "`id`", "a\nb", "\t", "'", '"', "-x", "--", "\u2019", "x" * 70_000, "$A", "${A:-", "..",
     "/etc:/x", "data:/x", "1m30s", "0x10", "1e9", "99999999999999999999", "*a", "&a", "<<", "!!x", "%", "\u202e",
     "nginx", "a", "./a", "./a:/x", ".env", "b.yaml", "web",
     "\U0001f600", "true", "on", "service_healthy", "A=b", "80/tcp", "64m"]
)  # fmt: skip
words = st.text(max_size=20) | hostile
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
names = st.sampled_from([*FIELDS, *SERVICE.refused, *SERVICE.ignored]) | words
structures = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=12
)
services = st.dictionaries(
    st.sampled_from(["web", "db", "x-a"]) | words, st.dictionaries(names, structures, max_size=5) | scalars
)
tops = st.fixed_dictionaries(
    {"services": services | structures},
    optional={"volumes": structures, "networks": structures, "name": scalars, "x-a": structures},
)
alphabet = st.text(st.sampled_from("ab:-?[]{},&*!|>%@`'\"#\n \t$~<.0\\é"), max_size=200)


def holds(text: str, variables: dict[str, str]):
    """Check a text, and that the result keeps its promises."""
    checked = check(text, variables, {"a": text, ".env": text, "b.yaml": "services: {a: {image: x}}"})
    errors = [found for found in checked.findings if found.severity == "error"]
    assert (checked.project is None) == bool(errors)
    for found in checked.findings:
        assert found.code in CODES
        assert 1 <= found.line <= len(text.splitlines()) + 1
        assert found.pointer == "" or found.pointer.startswith("/")
        assert found.message
        assert found.message.isprintable()
        assert len(found.message) < 500


@given(st.text())
def test_any_text_gives_a_project_or_findings(text: str):
    holds(text, {})


@given(st.binary(max_size=300))
def test_any_bytes_give_a_project_or_findings(data: bytes):
    holds(data.decode("latin-1"), {})
    holds(data.decode("utf-8", "surrogateescape"), {})


@given(alphabet)
def test_any_mixture_of_yaml_signs_gives_a_project_or_findings(text: str):
    holds(text, {"a": "x"})
    holds("services:\n  web:\n    image: nginx\n    " + text, {"a": "x"})


@given(tops | structures, st.dictionaries(st.sampled_from(["A", "B"]), words))
def test_any_structure_gives_a_project_or_findings(structure: object, variables: dict[str, str]):
    holds(yaml.safe_dump(structure), variables)


@pytest.mark.parametrize("field", sorted(FIELDS))
@given(value=structures)
def test_any_value_of_any_field_gives_a_project_or_findings(field: str, value: object):
    holds(yaml.safe_dump({"services": {"web": {"image": "x", field: value}, "db": {"image": "x"}}}), {"A": "'"})


@given(words, words)
def test_any_value_of_a_variable_gives_a_project_or_findings(first: str, second: str):
    fields = "\n".join(f"    {name}: $A" for name in FIELDS)
    holds(f"services:\n  web:\n{fields}\n", {"A": first})
    holds(
        "services: {web: {image: '$A', command: '$A $B', volumes: ['$A:$B'], environment: [A]}}",
        {"A": first, "B": second},
    )
