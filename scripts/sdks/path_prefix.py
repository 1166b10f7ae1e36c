"""Write the document with the prefix of its server in front of each path, for tools that ignore `servers`.

`python scripts/sdks/path_prefix.py <openapi.yaml >prefixed.yaml`.
"""

import json
import sys

import yaml


def main() -> None:
    """Read the document from standard input and write the other one, as JSON, to standard output."""
    document = yaml.safe_load(sys.stdin)
    [server] = document.pop("servers")
    document["paths"] = {server["url"] + path: item for path, item in document["paths"].items()}
    json.dump(document, sys.stdout, default=str)


if __name__ == "__main__":
    main()
