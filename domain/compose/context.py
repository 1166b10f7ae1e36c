"""What the readers of fields share: the findings, the variables, the given files and the names that are declared."""

from dataclasses import dataclass, field

from domain.compose.budget import Budget
from domain.compose.configs import Configs
from domain.compose.files import GivenFiles
from domain.compose.findings import FindingCollector
from domain.compose.interpolation import Interpolator
from domain.compose.merging import ValueLimit
from domain.compose.volumes import Volumes


@dataclass(frozen=True)
class Inputs:
    """The inputs of one check besides the text: where findings go, variables, given files, active profiles.

    With `host_access`, what gives power over the host is a warning instead of an error.
    """

    findings: FindingCollector
    interpolator: Interpolator
    files: GivenFiles
    profiles: frozenset[str] = frozenset()
    limit: ValueLimit = field(default_factory=ValueLimit)
    host_access: bool = False


@dataclass(frozen=True)
class Context:
    """One service of one check. `service` is its name; `services` and `networks` are the declared names."""

    findings: FindingCollector
    interpolator: Interpolator
    files: GivenFiles
    volumes: Volumes
    configs: Configs
    secrets: Configs
    services: frozenset[str]
    networks: frozenset[str]
    budget: Budget
    service: str = ""
    host_access: bool = False
