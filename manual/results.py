"""docs/result.md: every field of a result, and what a real one looks like."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from manual.reference import escaped
from ocrspool.results import schema

_EXAMPLES = Path(__file__).with_name("examples")

_HEAD = """\
# Results

Made by `scripts/docs` from `daemon/ocrspool/results/schema.py`. `ocrspool schema result` prints the JSON Schema (draft
2020-12).

For each file that was read, `outbox/<name>.json` appears, whole, in UTF-8. All fields are always there, in this order.
What else may appear, and when, is in [outputs.md](outputs.md).

"""

_EXAMPLE = """\
## An example

What became of `letters/letter.png`, an image of two lines, with `outputs = ["json", "txt"]`:

```json
{result}```

## What failed

A file that cannot be read moves to `failed/`, and `<name>.reason.json` appears beside it. `kind` is one word for
programs, `stage` where it happened, `page` which page (from 1, or null), `hint` what to do. `ocrspool retry` puts the
file back and removes the reason. This is what became of a PNG file that had lost its end:

```json
{reason}```
"""

_ORDER = ("Document", "Source", "Page", "Line", "ReadBy", "PageError", "Engine", "Model", "Output", "Notice", "Run")


def results() -> str:
    """Return the page."""
    definitions = TypeAdapter(schema.Document).json_schema(mode="serialization")
    sections = "\n".join(
        _section(name, definitions if name == "Document" else definitions["$defs"][name]) for name in _ORDER
    )
    return (
        _HEAD
        + sections
        + "\n"
        + _EXAMPLE.format(
            result=(_EXAMPLES / "letter.png.json").read_text("utf-8"),
            reason=(_EXAMPLES / "broken.png.reason.json").read_text("utf-8"),
        )
    )


def _section(name: str, described: dict[str, Any]) -> str:
    values = getattr(schema, name)
    meanings = _meanings(values)
    rows = "".join(
        f"| `{field.name}` | {_type(described['properties'][field.name])} | {escaped(meanings.get(field.name, ''))} |\n"
        for field in dataclasses.fields(values)
    )
    return f"## {name}\n\n{escaped(described['description'])}\n\n| field | type | meaning |\n|---|---|---|\n{rows}"


def _type(property_: dict[str, Any]) -> str:
    """Return in words what a property may be, for people who read JSON: its own types, with links to what is in it."""
    if "$ref" in property_:
        name = property_["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in property_:
        return " or ".join(map(_type, property_["anyOf"]))
    if constants := property_.get("enum", [property_["const"]] if "const" in property_ else []):
        return " or ".join(f'`"{constant}"`' for constant in constants)
    if "prefixItems" in property_:
        return f"{len(property_['prefixItems'])} {_type(property_['prefixItems'][0])}s"
    if property_["type"] == "array":
        return f"list of {_type(property_['items'])}"
    if property_["type"] == "object":
        return f"object of {_type(property_['additionalProperties'])}s"
    return str(property_["type"])


def _meanings(values: type) -> dict[str, str]:
    """Return what the string after each field says of it."""
    (body,) = ast.parse(inspect.getsource(values)).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: " ".join(said.value.value.split())
        for field, said in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
        and isinstance(said.value.value, str)
    }
