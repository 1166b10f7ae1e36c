"""Write the document as it was before a field of services and an error code were added.

`python scripts/sdks/older.py <openapi.yaml >older.yaml`. A client that is generated from it must keep working.
"""

import json
import sys

import yaml

FIELD, CODE = "pending_changes", "validation_error"


def main() -> None:
    """Read the document from standard input and write the older one, as JSON, to standard output."""
    document = yaml.safe_load(sys.stdin)
    schemas = document["components"]["schemas"]
    del schemas["Service"]["properties"][FIELD]
    schemas["Service"]["required"].remove(FIELD)
    schemas["ErrorCode"]["x-extensible-enum"].remove(CODE)
    json.dump(document, sys.stdout, default=str)


if __name__ == "__main__":
    main()
