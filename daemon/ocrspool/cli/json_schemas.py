"""`ocrspool schema`: the JSON Schemas of the configuration and of all that programs read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from ocrspool.cli.status_report import StatusReport
from ocrspool.config.schema import Config
from ocrspool.doctor.findings import Report
from ocrspool.errors import Exit
from ocrspool.results.reason import Reason
from ocrspool.results.schema import Document

_PUBLISHED: dict[str, type] = {"result": Document, "reason": Reason, "status": StatusReport, "doctor": Report}
"""What programs read. Each class is what the JSON is made of."""
_ALWAYS = {
    "result": {"Document": ("outputs",), "Page": ("text_from",)},
    "reason": {},
}
"""Keys that have a default in the code, and are in every result that was ever written. `status` and `doctor` write all
their keys, so all are required there."""


def schema(of: str) -> int:
    """Print the JSON Schema of what `of` names."""
    print(json.dumps(schema_of(of), indent=2))
    return Exit.OK


def schema_of(what: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the configuration, or of something that programs read."""
    if what == "config":
        return Config.model_json_schema()
    made: dict[str, Any] = TypeAdapter(_PUBLISHED[what]).json_schema(mode="serialization")
    for name, described in _objects(made):
        there = described["properties"] if what not in _ALWAYS else _ALWAYS[what].get(name, ())
        described["required"] = sorted(
            {*described.get("required", ()), *there}, key=list(described["properties"]).index
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:ocrspool:schema:{what}:1",
        **made,
    }


def _objects(made: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object that a schema describes, by the name of its class."""
    for name, described in (*made.get("$defs", {}).items(), (made.get("title", ""), made)):
        if "properties" in described:
            yield name, described
