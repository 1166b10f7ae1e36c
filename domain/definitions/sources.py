"""Sources of compose text: compose itself, an image, a template, a git repository.

Each says what a new service and an update get.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, NotRequired, Protocol, TypedDict

from domain import compose
from domain.catalogue.lookup import find_template
from domain.catalogue.values import new_definition as template_definition
from domain.definitions import variables
from domain.definitions.files import FileContent
from domain.definitions.git_fields import GitCreate, GitUpdate, changed_git_source, git_text, new_git_source
from domain.errors import Conflict, Invalid
from domain.model.definition import Definition, Variable
from domain.model.service import DeployMethod, Service
from domain.ports import Ports
from domain.ports.vault import Vault


class NewSource(TypedDict):
    """The fields of a new service that its source reads."""

    deploy_method: Literal["template", "compose", "image", "git"]
    image: NotRequired[str]
    command: NotRequired[list[str]]
    compose: NotRequired[str]
    template: NotRequired[str]
    git: NotRequired[GitCreate]
    port: NotRequired[int]
    variables: NotRequired[dict[str, str]]
    secrets: NotRequired[dict[str, str]]
    files: NotRequired[dict[str, FileContent]]
    profiles: NotRequired[list[str]]


class SourceChange(TypedDict, total=False):
    """The fields by which a service gets another source text, or other files for it."""

    image: str
    git: GitUpdate
    compose: str
    files: dict[str, FileContent | None]
    profiles: list[str]


class Source(Protocol):
    """One way to get a compose text. A new deploy method is one more implementation in `SOURCES`."""

    @property
    def changed_by(self) -> frozenset[str]:
        """The fields, of those that name a source, that an update may have; the others are refused."""

    def new(self, ports: Ports, body: NewSource) -> Definition:
        """Return the compose text, variables, port and health check of a new service.

        Raise Invalid or Conflict if the source does not exist or cannot be deployed.
        """

    def change(self, text: str, body: SourceChange) -> str:
        """Return the compose text after an update."""

    def change_port(self, text: str, port: int | None) -> str:
        """Return the compose text for another port that visitors reach."""


class ComposeSource:
    """Compose text that the caller sends."""

    changed_by = frozenset({"compose", "files", "profiles"})

    def new(self, ports: Ports, body: NewSource) -> Definition:
        """Return the caller's text with the caller's variables."""
        return Definition(body["compose"], _encrypt(ports.vault, body), body.get("port"))

    def change(self, text: str, body: SourceChange) -> str:
        """Return the new text, if the update has one."""
        return body.get("compose", text)

    def change_port(self, text: str, port: int | None) -> str:  # noqa: ARG002 - the interface's
        """Return the text as it is: the caller writes what it exposes."""
        return text


class ImageSource:
    """An image. The panel writes the compose text, so the text follows the image and the port."""

    changed_by = frozenset({"image"})

    def new(self, ports: Ports, body: NewSource) -> Definition:
        """Return a text with one component that runs the image."""
        text = compose.for_image(body["image"], body.get("port"), body.get("command"))
        return Definition(text, _encrypt(ports.vault, body), body.get("port"))

    def change(self, text: str, body: SourceChange) -> str:
        """Write the new image into the text."""
        return compose.with_image(text, body["image"]) if "image" in body else text

    def change_port(self, text: str, port: int | None) -> str:
        """Write the new port into the text."""
        return compose.with_port(text, port)


class TemplateSource:
    """A template of the catalogue. The service gets a copy of its text, which no update changes."""

    changed_by = frozenset[str]()

    def new(self, ports: Ports, body: NewSource) -> Definition:
        """Return the template's definition with the caller's values and newly generated secrets."""
        template = find_template(ports, body["template"])
        if template is None:
            raise Invalid({"template": f"No template has the ID {body['template']}. See GET /api/templates."})
        definition = template_definition(ports.vault, template, body.get("variables", {}))
        return replace(
            definition, variables=variables.sort(definition.variables), port=body.get("port", definition.port)
        )

    def change(self, text: str, body: SourceChange) -> str:  # noqa: ARG002 - the interface's
        """Return the text as it is."""
        return text

    def change_port(self, text: str, port: int | None) -> str:  # noqa: ARG002 - the interface's
        """Return the text as it is."""
        return text


class RepositorySource:
    """A git repository. The panel writes the compose text, with one component that runs the image that is built."""

    changed_by = frozenset({"git"})

    def new(self, ports: Ports, body: NewSource) -> Definition:
        """Return the text with the repository that the caller names."""
        port = body.get("port")
        return Definition(git_text(port), _encrypt(ports.vault, body), port, git=new_git_source(body["git"]))

    def change(self, text: str, body: SourceChange) -> str:  # noqa: ARG002 - the interface's
        """Return the text as it is: it does not name the repository."""
        return text

    def change_port(self, text: str, port: int | None) -> str:
        """Write the new port into the text."""
        return compose.with_port(text, port)


SOURCES: Mapping[DeployMethod, Source] = {
    DeployMethod.COMPOSE: ComposeSource(),
    DeployMethod.IMAGE: ImageSource(),
    DeployMethod.TEMPLATE: TemplateSource(),
    DeployMethod.GIT: RepositorySource(),
}


def with_source(service: Service, body: SourceChange) -> Definition:
    """Return the service's definition with the image, the repository or the compose text of an update.

    Raise Conflict if the update names the source of another deploy method.
    """
    source = SOURCES[service.deploy_method]
    wrong = [
        field
        for field in ("image", "git", "compose", "files", "profiles")
        if field in body and field not in source.changed_by
    ]
    if wrong:
        raise Conflict(
            f"Cannot change {', '.join(wrong)}",
            code="wrong_state",
            details=f"{service.name} is deployed from {service.deploy_method}",
        )
    definition = service.definition
    if "git" in body and definition.git:
        definition = replace(definition, git=changed_git_source(definition.git, body["git"]))
    return replace(definition, compose=source.change(definition.compose, body))


def with_port(service: Service, definition: Definition, port: int | None) -> Definition:
    """Return the definition with another port that visitors reach."""
    text = SOURCES[service.deploy_method].change_port(definition.compose, port)
    return replace(definition, compose=text, port=port)


def _encrypt(vault: Vault, body: NewSource) -> tuple[Variable, ...]:
    return variables.encrypt(vault, body.get("variables", {}), body.get("secrets", {}))
