"""Insert an operation into the text of the document, whose formatting is written by hand and stays as it is."""

import textwrap

from scripts.scaffold.row import Row

_ULID = "01k9zq3v6m8r4t2w0x5y7b9c1d"
_HEADERS = ("X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def insert(text: str, row: Row, tags: list[str]) -> str:
    """Return the document with the operation and all that it refers to; `tags` gives the order of sections."""
    lines = text.splitlines()
    if f"      operationId: {row.operation_id}" not in lines:
        _insert_tag(lines, row, tags)
        _insert_operation(lines, row, tags)
    for name in row.path_parameters:
        _insert_parameter(lines, name)
        _insert_not_found(lines, name)
    for name, component in _schemas(row).items():
        if not any(line.startswith(f"    {name}:") for line in lines[lines.index("  schemas:") :]):
            at = _section_end(lines, row.tag, tags, lines.index("  schemas:") + 1, len(lines), "    ")
            lines[at:at] = [f"    {name}:", *component]
    return "\n".join(lines) + "\n"


def _insert_tag(lines: list[str], row: Row, tags: list[str]) -> None:
    begin, end = lines.index("tags:") + 1, lines.index("paths:")
    present = {line.removeprefix("  - name: "): at for at, line in enumerate(lines[:end]) if at >= begin}
    if row.tag not in present:
        later = [at for tag, at in present.items() if tag in tags[tags.index(row.tag) :]]
        lines[min(later, default=end) : min(later, default=end)] = [
            f"  - name: {row.tag}",
            f"    description: {row.tag.replace('_', ' ').capitalize()}.",
        ]


def _section_end(lines: list[str], tag: str, tags: list[str], begin: int, end: int, indent: str) -> int:
    """Return where the section of a tag ends; insert its heading if it has none."""
    headings = {
        line.split()[2]: at
        for at, line in enumerate(lines[:end])
        if at >= begin and line.startswith(f"{indent}# ── ") and line.split()[2] in tags
    }
    following = [at for name, at in headings.items() if name in tags[tags.index(tag) + 1 :]]
    at = min(following, default=end)
    while not lines[at - 1].strip():
        at -= 1
    if tag not in headings:
        width = max((len(lines[heading]) for heading in headings.values()), default=100)
        lines[at:at] = ["", f"{indent}# ── {tag} ".ljust(width, "─")]
        at += 2
    return at


def _insert_operation(lines: list[str], row: Row, tags: list[str]) -> None:
    begin, end = lines.index("paths:") + 1, lines.index("components:")
    path = f"  {row.path}:"
    if path in lines:
        at = lines.index(path) + 1
        while lines[at].startswith("    "):
            at += 1
        lines[at:at] = _operation(row)
    else:
        at = _section_end(lines, row.tag, tags, begin, end, "  ")
        references = [f"      - {{$ref: '#/components/parameters/{_component(name)}'}}" for name in row.path_parameters]
        shared = ["    parameters:", *references] if references else []
        lines[at:at] = [path, *shared, *_operation(row)]


def _insert_parameter(lines: list[str], name: str) -> None:
    begin = lines.index("  parameters:")
    end = next(at for at in range(begin + 1, len(lines)) if lines[at].startswith("  ") and lines[at][2] != " ")
    while not lines[end - 1].strip():
        end -= 1
    if not any(line.startswith(f"    {_component(name)}:") for line in lines[begin:end]):
        noun = name.removesuffix("_id")
        schema = f"{{type: string, pattern: '^{noun}_[0-9a-z]+$', maxLength: 64, examples: [{noun}_abc123]}}"
        lines.insert(
            end,
            f"    {_component(name)}: {{name: {name}, in: path, required: true,"
            f" description: The ID of the {noun.replace('_', ' ')}., schema: {schema}}}",
        )


def _insert_not_found(lines: list[str], name: str) -> None:
    begin, end = lines.index("  responses:"), lines.index("  schemas:")
    if f"    {_not_found(name)}:" not in lines[begin:end]:
        noun = name.removesuffix("_id").replace("_", " ")
        details = f"No {noun} with ID {name[:-3]}_abc123 exists"
        error = f"code: not_found, message: {noun.capitalize()} not found, details: {details}"
        at = lines.index("    Conflict:", begin)
        lines[at:at] = [
            f"    {_not_found(name)}:",
            f"      description: The {noun} does not exist or belongs to another customer.",
            "      headers:",
            *(f"        {header}: {{$ref: '#/components/headers/{header}'}}" for header in _HEADERS),
            "      content: {application/json: {schema: {$ref: '#/components/schemas/ErrorResponse'}, "
            f"example: {{error: {{{error}}}}}}}}}",
        ]


def _not_found(parameter: str) -> str:
    """Return the name of the component for 404 of a path parameter."""
    return "".join(part.capitalize() for part in parameter.removesuffix("_id").split("_")) + "NotFound"


def _component(parameter: str) -> str:
    """Return the name of a path parameter's component; `ServiceId` alone would be the name of a schema too."""
    return "".join(part.capitalize() for part in parameter.split("_")) + "Path"


def _operation(row: Row) -> list[str]:
    description = textwrap.wrap(f"{row.summary.rstrip('.')}.", 110)
    parameters = _parameters(row)
    return [
        f"    {row.method.lower()}:",
        f"      tags: [{row.tag}]",
        f"      operationId: {row.operation_id}",
        f"      x-permission: {row.permission}",
        f"      x-rate-tier: {row.rate_tier}",
        *_security(row),
        f"      summary: {row.title}",
        "      description: |",
        *(f"        {line}" for line in description),
        *(["      parameters:", *parameters] if parameters else []),
        *_request_body(row),
        "      responses:",
        *_success(row),
        *(f"        '{status}': {{$ref: '#/components/responses/{name}'}}" for status, name in _errors(row).items()),
    ]


def _security(row: Row) -> list[str]:
    if row.is_public:
        return ["      security: []"]
    if row.permission == "authenticated":
        return []
    return [f"      security: [{{bearerAuth: [{row.permission}]}}, {{cookieAuth: [{row.permission}]}}]"]


def _parameters(row: Row) -> list[str]:
    names = {"POST": ["IdempotencyKey"], "PUT": ["IfMatch"], "PATCH": ["IfMatch"], "DELETE": ["IfMatch"]}
    shared = names.get(row.method, ["IfNoneMatch"] if row.path.endswith("}") else [])
    if not row.is_list:
        return [f"        - {{$ref: '#/components/parameters/{name}'}}" for name in shared]
    return [
        *(f"        - {{$ref: '#/components/parameters/{name}'}}" for name in ("Page", "PerPage", "Order")),
        "        - name: sort",
        "          in: query",
        "          description: The field to sort by. Defaults to `created_at`.",
        "          schema: {type: string, enum: [name, created_at], x-enum-varnames: [by_name, by_created_at]}",
    ]


def _request_body(row: Row) -> list[str]:
    if row.body is None:
        return []
    types = ["application/json", *(["application/merge-patch+json"] if row.method == "PATCH" else [])]
    content = [
        line
        for media_type in types
        for line in (
            f"          {media_type}:",
            f"            schema: {{$ref: '#/components/schemas/{row.body}'}}",
            "            example: {name: example}",
        )
    ]
    return ["      requestBody:", "        required: true", "        content:", *content]


def _success(row: Row) -> list[str]:
    if row.success == "202":
        return ["        '202': {$ref: '#/components/responses/OperationAccepted'}"]
    shown = {"ETag": row.has_etag, "Link": row.is_list, "Location": row.success == "302"}
    names = [*_HEADERS, *(name for name, is_shown in shown.items() if is_shown)]
    schema = f"{row.schema}List" if row.is_list else row.schema
    content = f"          content: {{application/json: {{schema: {{$ref: '#/components/schemas/{schema}'}}}}}}"
    noun = row.noun.replace("_", " ")
    described = f"A page of {noun} resources." if row.is_list else f"The {noun}." if row.has_content else "Done."
    return [
        f"        '{row.success}':",
        f"          description: {described}",
        "          headers:",
        *(f"            {name}: {{$ref: '#/components/headers/{name}'}}" for name in names),
        *([content] if row.has_content else []),
    ]


def _errors(row: Row) -> dict[str, str]:
    """Return the responses that the contract tests expect: status → component."""
    protected, has_body = not row.is_public, row.body is not None
    checked = row.permission not in ("public", "authenticated") or (protected and row.method != "GET")
    expected = {
        "304 NotModified": row.method == "GET" and row.path.endswith("}"),
        "400 BadRequest": True,
        "401 Unauthenticated": protected,
        "403 Forbidden": checked,
        f"404 {''.join(map(_not_found, row.path_parameters[-1:]))}": bool(row.path_parameters),
        "409 Conflict": row.method == "POST",
        "412 Stale": row.method in ("PUT", "PATCH", "DELETE"),
        "413 TooLarge": has_body,
        "415 UnsupportedMediaType": has_body,
        "422 Invalid": has_body,
        "429 TooMany": True,
        "500 InternalError": True,
        "503 Unavailable": protected,
    }
    return dict(name.split() for name, is_expected in expected.items() if is_expected)


def _schemas(row: Row) -> dict[str, list[str]]:
    """Return the schemas that the operation uses, with an ID, a name and a time to begin with."""
    schemas = {}
    if row.has_content:
        schemas[row.schema] = _resource_schema(row)
    if row.is_list:
        schemas[f"{row.schema}List"] = _list_schema(row)
    if row.body:
        schemas[row.body] = _body_schema(row)
    return schemas


def _resource_schema(row: Row) -> list[str]:
    return [
        "      type: object",
        f"      description: One {_noun(row)}.",
        "      required: [id, name, created_at]",
        "      properties:",
        f"        id: {{type: string, pattern: '^{row.noun}_[0-9a-z]+$'}}",
        "        name: {type: string}",
        "        created_at: {$ref: '#/components/schemas/Timestamp'}",
        f"      examples: [{_example(row)}]",
    ]


def _list_schema(row: Row) -> list[str]:
    return [
        "      type: object",
        f"      description: A page of {_noun(row)} resources.",
        "      required: [data, total, page, per_page, has_more]",
        "      properties:",
        f"        data: {{type: array, items: {{$ref: '#/components/schemas/{row.schema}'}}}}",
        "        total: {$ref: '#/components/schemas/Total'}",
        "        page: {type: integer, minimum: 1}",
        "        per_page: {type: integer, minimum: 1}",
        "        has_more: {$ref: '#/components/schemas/HasMore'}",
        "      examples:",
        f"        - data: [{_example(row)}]",
        "          total: 1",
        "          page: 1",
        "          per_page: 20",
        "          has_more: false",
    ]


def _body_schema(row: Row) -> list[str]:
    return [
        "      type: object",
        f"      description: The body of `{row.operation_id}`.",
        *(["      required: [name]"] if row.method != "PATCH" else ["      minProperties: 1"]),
        "      additionalProperties: false",
        "      properties:",
        "        name: {type: string, minLength: 1, maxLength: 100, description: A name of your choice.}",
        "      examples: [{name: example}]",
    ]


def _noun(row: Row) -> str:
    return row.noun.replace("_", " ")


def _example(row: Row) -> str:
    return f"{{id: {row.noun}_{_ULID}, name: example, created_at: '2026-03-29T10:00:00Z'}}"
