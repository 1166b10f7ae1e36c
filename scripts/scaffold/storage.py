"""Write how a new resource is stored: its repository, its line in `Work`, and the migration of its table."""

from pathlib import Path

from scripts.scaffold.row import Row, pascal_case

_PORT = Path("domain/ports/store.py")
_REPOSITORIES = Path("domain/adapters/sql/repositories")
_MIGRATIONS = Path("domain/adapters/sql/migrations/versions")


def write(row: Row) -> list[Path]:
    """Write what an operation that creates a resource of a new model needs, and return the changed files."""
    repository = _REPOSITORIES / f"{row.collection}.py"
    is_new = row.verb == "create" and row.has_content and (Path("domain/model") / f"{row.noun}.py").exists()
    if not is_new or repository.exists():
        return []
    repository.write_text(_repository(row))
    _PORT.write_text(_with_line(_PORT.read_text(), row))
    newest = max(path.stem.partition("_")[0] for path in _MIGRATIONS.glob("[0-9]*.py"))
    number = f"{int(newest) + 1:04}"
    migration = _MIGRATIONS / f"{number}_{row.collection}.py"
    migration.write_text(_migration(row, number, newest))
    return [repository, _PORT, migration]


def _with_line(text: str, row: Row) -> str:
    """Return `ports.store` with the repository as the last one of `Work`; ruff sorts the imports."""
    imports = [f"from domain.model.{row.noun} import {row.schema}"]
    repository = "from domain.ports.repository import Repository"
    if repository not in text:
        imports.append(repository)
    text = text.replace("from domain.", "\n".join([*imports, "from domain."]), 1)
    end = text.index("\n\n\n", text.index("class Work(Protocol):"))
    return f"{text[:end]}\n    {row.collection}: Repository[{row.schema}]{text[end:]}"


def _repository(row: Row) -> str:
    words = row.collection.replace("_", " ")
    return f'''"""The repository of {words}."""

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.{row.noun} import {row.schema}

{row.collection} = entity_table("{row.collection}", {row.schema})
list_indexes({row.collection}, "created_at id", "name id")


class {pascal_case(row.collection)}(Repository[{row.schema}]):
    """{words.capitalize()}."""

    table = {row.collection}
    entity = {row.schema}
    filters = frozenset[str]()
    sorts = frozenset({{"name", "created_at"}})
'''


def _migration(row: Row, number: str, newest: str) -> str:
    table = row.collection
    return f'''"""{table.replace("_", " ").capitalize()}."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, PrimaryKeyConstraint, String

revision = "{number}"
down_revision = "{newest}"

WORDS = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of {table.replace("_", " ")}."""
    op.create_table(
        "{table}",
        *(Column(name, WORDS, nullable=False) for name in ("id", "name")),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="{table}_id"),
    )
    op.create_index("{table}_by_created_at", "{table}", ["created_at", "id"])
    op.create_index("{table}_by_name", "{table}", ["name", "id"])
'''
