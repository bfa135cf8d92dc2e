"""Every setting: its default and meaning as config/ocrspool.toml has them, its type as the program has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from manual.docstrings import meanings
from ocrspool.config.schema import Config

EXAMPLE = Path(__file__).parents[1] / "config/ocrspool.toml"

_NAMED = ("profile", "inbox")
"""Tables of which there may be several, by name; the example has the one named default."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a table."""

    name: str
    type: str
    default: str
    """As it is written in TOML; "" for one that is not set."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file."""

    name: str
    meaning: str
    """Empty where the settings say all."""
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """What the example has of one table: its comment, and of each setting its value and comment."""

    meaning: str
    settings: dict[str, tuple[str, str]]


def introduction() -> str:
    """Return the paragraphs at the head of the example."""
    return _joined(EXAMPLE.read_text("utf-8").partition("\n\n")[0].splitlines())


def tables() -> tuple[Table, ...]:
    """Return all tables, in the order of the example. Raise KeyError for one that it leaves out."""
    schema = Config.model_json_schema()
    written = _written(EXAMPLE.read_text("utf-8"))
    return tuple(
        Table(
            f"{name}.NAME" if name in _NAMED else name,
            written[name].meaning,
            _settings(_section(name), _properties(name, schema), written[name].settings),
        )
        for name in written
    )


def _settings(section: type, properties: dict[str, Any], written: dict[str, tuple[str, str]]) -> tuple[Setting, ...]:
    """Return the settings. The meaning of one that the example leaves out is the string below its field."""
    meant = meanings(section)
    found = ((name, property_, written.get(name) or ("", meant[name])) for name, property_ in properties.items())
    return tuple(Setting(name, _type(property_), default, meaning) for name, property_, (default, meaning) in found)


def _section(table: str) -> type:
    """Return the class that holds the settings of a table."""
    annotation = Config.model_fields[table].annotation
    section = get_args(annotation)[1] if table in _NAMED else annotation
    assert isinstance(section, type)
    return section


def _properties(table: str, schema: dict[str, Any]) -> dict[str, Any]:
    at = schema["properties"][table]
    if table in _NAMED:
        (at,) = at["patternProperties"].values()
    found: dict[str, Any] = schema["$defs"][at["$ref"].rpartition("/")[2]]["properties"]
    return found


def _type(property_: dict[str, Any]) -> str:
    """Return in words what a property may be, for people who write TOML: no null there, but quotes and a range."""
    if "anyOf" in property_:
        return " or ".join(_type(each) for each in property_["anyOf"] if each != {"type": "null"})
    if "enum" in property_:
        *others, last = (f'"{value}"' for value in property_["enum"])
        return f"{', '.join(others)} or {last}"
    kind = property_["type"]
    if kind == "array":
        return f"list of {_type(property_['items'])}"
    if kind == "object":
        (value,) = property_["patternProperties"].values()
        return f"table of names and {_type(value)}"
    if kind in {"integer", "number"}:
        return f"{kind}, {_range(property_)}"
    return {"boolean": "true or false", "string": "folder" if property_.get("format") == "path" else "text"}[kind]


def _range(property_: dict[str, Any]) -> str:
    if "exclusiveMinimum" in property_:
        return f"above {property_['exclusiveMinimum']}, up to {property_['maximum']}"
    return f"{property_['minimum']} to {property_['maximum']}"


def _written(text: str) -> dict[str, Written]:
    """Return the tables of a file like the example: comments belong to what follows them without a blank line."""
    found: dict[str, Written] = {}
    comment: list[str] = []
    fresh = True  # whether the next line of a comment begins a new one
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("#"):
            comment = [line] if fresh else [*comment, line]
            fresh = False
            continue
        fresh = True
        if not line:
            comment = []
        elif table := re.fullmatch(r"\[(\w+)(\.default)?\]", line):
            found[table[1]] = Written(_joined(comment), {})
            comment = []
        else:
            name, _, value = line.partition(" = ")
            while value.startswith("[") and not value.endswith("]"):
                value = f"{value} {next(lines).strip()}"
            found[list(found)[-1]].settings[name] = (value.replace(", ]", "]").replace("[ ", "["), _joined(comment))
    return found


def _joined(comment: list[str]) -> str:
    """Return the text of a comment; an empty line of it separates paragraphs."""
    paragraphs = "\n".join(line.removeprefix("#").strip() for line in comment).split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
