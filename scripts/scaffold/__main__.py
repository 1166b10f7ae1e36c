"""Write the skeleton of one operation: `python -m scripts.scaffold TAG OPERATION_ID`."""

import subprocess
import sys
from pathlib import Path

from scripts.scaffold import code, data, document, storage
from scripts.scaffold.row import Row, read_table

DOCUMENT = Path("spec/openapi.yaml")
RUFF = [sys.executable, "-m", "ruff"]


def main(tag: str, operation_id: str) -> int:
    """Write what is missing and print the changed files; 2 if the table has no such operation."""
    table = read_table()
    row = table.get(operation_id)
    if row is None or row.tag != tag:
        print(f"new-operation: tests/contract/operations.csv has no operation {operation_id} of the tag {tag}")
        return 2
    if _is_written(row):
        print(f"new-operation: {operation_id} is written already")
        return 0
    tags = list(dict.fromkeys(entry.tag for entry in table.values()))
    changed = [*_document(row, tags), *data.write(row), *code.write(row), *storage.write(row)]
    python = [path for path in changed if path.suffix == ".py"]
    if python:
        subprocess.run([*RUFF, "check", "--quiet", "--fix", "--select", "I,RUF022", *python], check=True)
        subprocess.run([*RUFF, "format", "--quiet", *python], check=True)
    print("\n".join(map(str, changed)))
    print(f"Next: .venv/bin/python -m pytest tests/handlers/test_{tag}.py -k {operation_id}")
    return 0


def _is_written(row: Row) -> bool:
    """Return whether the document has the operation, and its module the handler, which is written last."""
    handlers = Path("handlers") / f"{row.tag}.py"
    in_document = f"      operationId: {row.operation_id}\n" in DOCUMENT.read_text()
    return in_document and handlers.exists() and f"def {row.operation_id}(" in handlers.read_text()


def _document(row: Row, tags: list[str]) -> list[Path]:
    before = DOCUMENT.read_text()
    after = document.insert(before, row, tags)
    DOCUMENT.write_text(after)
    return [DOCUMENT] if after != before else []


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: scripts/new-operation TAG OPERATION_ID")
    sys.exit(main(*sys.argv[1:]))
