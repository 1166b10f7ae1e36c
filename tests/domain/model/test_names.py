"""Names that look like other names."""

import pytest

from domain.model.names import has_unsafe_characters


@pytest.mark.parametrize(
    "name", ["ci\x85", "ci\x9b31m", "\u202eadmin", "ad\u200bmin", "\u2066x\u2069", "a\u2028b", "\ufeffx"]
)
def test_control_characters_and_marks_of_direction_are_unsafe(name: str):
    assert has_unsafe_characters(name)


@pytest.mark.parametrize("name", ["ci", "Zoë's key", "密钥", "ключ 1", "👩\u200d💻", "مفتاح"])
def test_names_in_any_script_are_safe(name: str):
    assert not has_unsafe_characters(name)
