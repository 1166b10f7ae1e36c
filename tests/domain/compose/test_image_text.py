"""The text for an image: every value comes out of the check unchanged."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from domain.compose import check, for_image

printable = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\n\t'\"$#:&*!|>%@`~-{}[],? ")
)


def test_the_text_for_an_image_has_one_service_app():
    project = check(for_image("nginx:1.29", 80, ["nginx", "-g", "daemon off;"])).project
    assert project
    (app,) = project.components
    assert (app.name, app.image, app.expose) == ("app", "nginx:1.29", (80,))
    assert app.command == ("nginx", "-g", "daemon off;")


def test_without_port_and_command_the_image_decides():
    text = for_image("nginx", None, None)
    assert yaml.safe_load(text) == {"services": {"app": {"image": "nginx"}}}


def test_an_empty_command_stays_empty():
    project = check(for_image("nginx", None, [])).project
    assert project
    assert project.components[0].command == ()


@given(st.lists(printable, max_size=5), st.one_of(st.none(), st.integers(1, 65535)))
def test_every_word_of_a_command_is_unchanged(command: list[str], port: int | None):
    checked = check(for_image("nginx", port, command))
    assert checked.findings == ()
    assert checked.project
    (app,) = checked.project.components
    assert app.command == tuple(command)
    assert app.expose == ((port,) if port else ())
    assert checked.used == frozenset()


@given(st.text())
def test_no_image_breaks_out_of_its_field(image: str):
    checked = check(for_image(image, 80, ["x"]))
    if checked.project:
        assert checked.project.components[0].image == image
    else:
        assert {found.pointer for found in checked.findings} <= {"/services/app/image", ""}
        assert {found.code.value for found in checked.findings} <= {
            "bad_image", "control_character", "too_long", "not_yaml", "missing_image",
        }  # fmt: skip


@given(st.lists(st.text(), max_size=3))
def test_no_word_breaks_out_of_its_command(command: list[str]):
    checked = check(for_image("nginx", 80, command))
    assert checked.project is None or checked.project.components[0].command == tuple(command)
