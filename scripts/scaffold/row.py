"""One operation of tests/contract/operations.csv, and the names that follow from it."""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parents[2] / "tests/contract/operations.csv"


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    tag: str
    method: str
    path: str
    operation_id: str
    permission: str
    rate_tier: str
    success: str
    summary: str

    @property
    def verb(self) -> str:
        """Return `create` of `create_plan`."""
        return self.operation_id.partition("_")[0]

    @property
    def noun(self) -> str:
        """Return `plan` of `create_plan` and `list_plans`."""
        noun = self.operation_id.partition("_")[2] or self.tag
        if noun.endswith("ies"):
            return f"{noun.removesuffix('ies')}y"
        return noun.removesuffix("s") if not noun.endswith("ss") else noun

    @property
    def collection(self) -> str:
        """Return `plans` of `create_plan`: the name of the table and of the repository."""
        return f"{self.noun.removesuffix('y')}ies" if self.noun.endswith("y") else f"{self.noun}s"

    @property
    def schema(self) -> str:
        """Return `Plan`, the schema of the resource."""
        return pascal_case(self.noun)

    @property
    def is_list(self) -> bool:
        """Return whether the operation returns a page of resources."""
        return self.verb == "list"

    @property
    def is_public(self) -> bool:
        """Return whether the operation needs no credentials."""
        return self.permission == "public"

    @property
    def has_content(self) -> bool:
        """Return whether the successful response has JSON of the resource."""
        return self.success in ("200", "201")

    @property
    def has_etag(self) -> bool:
        """Return whether the operation returns one resource whose revision is its ETag."""
        reads_one = self.method == "GET" and self.path.endswith("}")
        return reads_one or self.method in ("PUT", "PATCH") or self.verb == "create"

    @property
    def body(self) -> str | None:
        """Return the schema of the body, None if the operation takes none."""
        if self.method == "POST":
            return f"{self.schema}Create" if self.verb == "create" else None
        return {"PATCH": f"{self.schema}Update", "PUT": f"{self.schema}Replacement"}.get(self.method)

    @property
    def path_parameters(self) -> list[str]:
        """Return the names of the path's parameters."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def title(self) -> str:
        """Return a summary such as "Create a plan"."""
        noun = self.operation_id.partition("_")[2].replace("_", " ")
        article = "" if self.is_list or noun != self.noun.replace("_", " ") else "an " if noun[0] in "aeiou" else "a "
        return f"{self.verb.capitalize()} {article}{noun}".strip()


def pascal_case(name: str) -> str:
    """Return `ListPlans` of `list_plans`."""
    return "".join(part.capitalize() for part in name.split("_"))


@cache
def read_table() -> dict[str, Row]:
    """Return all operations by operationId, in the order of the table."""
    with TABLE.open() as lines:
        return {line["operation_id"]: Row(**line) for line in csv.DictReader(lines)}
