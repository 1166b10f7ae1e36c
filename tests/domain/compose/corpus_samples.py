"""The corpus: small compose texts with the features that texts of the field use together.

Each text is a compose file. Its `x-variables` are the variables of the service, its `x-files` the given files.
`meanings.yaml` says what the check makes of each text.
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

from domain.compose import CheckResult, check

DIRECTORY = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Sample:
    """One text with its inputs."""

    name: str
    text: str
    variables: dict[str, str]
    files: dict[str, str]

    def check(self) -> CheckResult:
        return check(self.text, self.variables, self.files)

    @property
    def builds(self) -> bool:
        return self.name.startswith("build-")


def samples() -> list[Sample]:
    return [_sample(path) for path in sorted(DIRECTORY.glob("*.yaml")) if path.stem != "meanings"]


def _sample(path: Path) -> Sample:
    text = path.read_text()
    document = yaml.load(text, yaml.BaseLoader)
    return Sample(path.stem, text, document.get("x-variables", {}), document.get("x-files", {}))
