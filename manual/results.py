"""docs/result.md: every field of a result, and what a real one looks like."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from manual.docstrings import meanings
from manual.reference import escaped
from ocrspool.results import blocks, schema

_EXAMPLES = Path(__file__).with_name("examples")

_HEAD = """\
# Results

`scripts/docs` makes this page from `daemon/ocrspool/results/schema.py`. `ocrspool schema result` prints the JSON Schema
(draft 2020-12).

For each file that was read, one file `outbox/<name>.json` appears. It appears whole, and it is in UTF-8. All fields are
always there, in the order of this page. [outputs.md](outputs.md) describes the other files that can appear, and when
they appear.

What is promised: within `ocrspool-result/1` no field changes its name, its type or its meaning, and none is taken away.
Fields may be added. The kinds of blocks may be added to, and how blocks are found may get better. So a reader ignores
fields that it does not know, and treats a block of an unknown kind as a paragraph.

"""

_EXAMPLE = """\
## An example

This is the result of `letters/letter.png`, an image of two lines, with `outputs = ["json", "txt"]`:

```json
{result}```

## What failed

A file that cannot be read moves to `failed/`. Its reason appears beside it as `<name>.reason.json`. `ocrspool retry`
puts the file back into the inbox and removes the reason.

| field | meaning |
|---|---|
| `kind` | The kind of the failure: one word, for programs. |
| `stage` | The stage in which the failure happened. |
| `page` | The number of the page at which it happened, from 1, or null. |
| `hint` | What to do. |

This is the reason of a PNG file whose end is missing:

```json
{reason}```
"""

_ORDER = (
    *("Document", "Source", "Page", "Line", "Word", "Block", "Table", "Cell", "ReadBy", "PageError", "Engine", "Model"),
    *("Output", "Notice", "Run"),
)


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
    values = getattr(schema, name, None) or getattr(blocks, name)
    found = meanings(values)
    rows = "".join(
        f"| `{field.name}` | {_type(described['properties'][field.name])} | {escaped(found[field.name])} |\n"
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
