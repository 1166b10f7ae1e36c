"""How a repository declares its table and the indexes that its lists need."""

from collections.abc import Sequence

from sqlalchemy import Constraint, Index, MetaData, Table

from domain.adapters.sql.columns import columns

metadata = MetaData(
    naming_convention={"pk": "%(table_name)s_id", "fk": "%(table_name)s_of_%(referred_table_name)s"},
)


def entity_table(name: str, entity: type, *constraints: Constraint, primary: Sequence[str] = ("id",)) -> Table:
    """Return the table of a dataclass, one column a field.

    Foreign keys name columns of other modules' tables as text (`services.id`), so that no order of imports matters.
    """
    return Table(name, metadata, *columns(entity, tuple(primary)), *constraints)


def list_indexes(table: Table, *column_lists: str) -> None:
    """Add an index for each list of column names, which are separated by spaces: `"created_at id"`."""
    for column_list in column_lists:
        names = column_list.split()
        Index(f"{table.name}_by_{names[0]}", *(table.c[name] for name in names))


def filter_indexes(table: Table, filtered: str, *sorts: str) -> None:
    """Add an index for each sort of the rows with one value in `filtered`, so that a page reads no other rows."""
    for sort in sorts:
        Index(f"{table.name}_by_{filtered}_{sort}", table.c[filtered], table.c[sort], table.c.id)
