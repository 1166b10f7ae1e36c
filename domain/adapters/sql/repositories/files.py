"""The repository of the contents of files."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKeyConstraint, and_, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from domain.adapters.sql.reading import Block
from domain.adapters.sql.tables import entity_table
from domain.model.file import FileContent
from domain.ports.repositories import files as ports

files = entity_table(
    "files",
    FileContent,
    ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE"),
    primary=("service_id", "digest"),
)


class Files(ports.Files):
    """Contents of files, which are removed with their service."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def contents(self, service_id: str, digests: Collection[str]) -> dict[str, str]:
        """Return the contents that are stored, by digest."""
        if not digests:
            return {}
        stored = select(files.c.digest, files.c.content).where(_among(service_id, digests))
        return {row.digest: row.content for row in self._connection.execute(stored)}

    def put(self, service_id: str, contents: Mapping[str, str], now: datetime) -> None:
        """Store contents, and set when they were last used."""
        rows = [
            {"service_id": service_id, "digest": digest, "content": content, "size": len(content), "used_at": now}
            for digest, content in contents.items()
        ]
        if rows:
            insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
            upsert = insert(files).on_conflict_do_update(
                index_elements=[files.c.service_id, files.c.digest], set_={"used_at": now}
            )
            self._connection.execute(upsert, rows)

    def remove_oldest(self, service_id: str, most: int, keep: Collection[str]) -> None:
        """Remove the contents that were not used for the longest time, until they have at most `most` characters.

        Those in `keep` are not removed, and are the first to be counted.
        """
        stored = select(files.c.digest, files.c.size).where(files.c.service_id == service_id)
        sizes = {row.digest: row.size for row in self._connection.execute(stored.order_by(files.c.used_at.desc()))}
        room = most - sum(size for digest, size in sizes.items() if digest in keep)
        removed = []
        for digest, size in sizes.items():
            if digest not in keep:
                room -= size
                removed += [digest] if room < 0 else []
        if removed:
            self._connection.execute(delete(files).where(_among(service_id, removed)))


def _among(service_id: str, digests: Collection[str]) -> ColumnElement[bool]:
    return and_(files.c.service_id == service_id, files.c.digest.in_(digests))
