"""What is wrong with a value of the configuration, in the words of people who write TOML. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocrspool.config.value_types import COMMAND_PART, DEVICE, NAME

_MOST_SHOWN = 80
"""Characters of a wrong value that a message repeats."""

_KINDS = {
    "bool_type": "should be true or false, without quotes",
    "dict_type": "should be a table: [{key}]",
    "finite_number": "should be a finite number",
    "float_type": "should be a number, without quotes",
    "greater_than": "should be more than {gt}",
    "greater_than_equal": "should be {ge} or more",
    "int_type": "should be a whole number, without quotes",
    "less_than_equal": "should be {le} or less",
    "literal_error": "should be {expected}",
    "model_type": "should be a table: [{key}]",
    "path_type": "should name a folder, in quotes",
    "string_type": "should be text in quotes",
    "tuple_type": "should be a list in brackets, even if it has one item",
}
"""By the type of pydantic's error. In braces: what the error's context has, and the key."""

_PATTERNS = {
    DEVICE: 'should be "cpu" or a GPU: "gpu:0", "gpu:1"',
    NAME: 'should be a name: at most 64 letters (a to z), digits, ".", "_" and "-", a letter or digit first',
    COMMAND_PART: r"should be without the character \u0000",
}
"""By the pattern that a text does not match."""


def wrong(kind: str, context: Mapping[str, Any], key: str, value: object, otherwise: str) -> str:
    """Return what a value should be, and what it is.

    `kind` and `context` are those of pydantic's error, `otherwise` its own message, for a kind that is not known here.
    """
    pattern = _PATTERNS.get(str(context.get("pattern")))
    text = pattern or _KINDS.get(kind, "").format(key=key, **context) or otherwise
    return f"{text}; it is {shown(value)}"


def shown(value: object) -> str:
    """Return a value as TOML has it, cut where it is long."""
    try:
        text = _as_toml(value)
    except ValueError:  # an integer of more digits than Python converts
        return "a number of thousands of digits"
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_as_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_as_toml(each)}" for key, each in value.items()) + "}"
    return repr(value) if isinstance(value, str) else str(value)
