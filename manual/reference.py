"""docs/configuration.md: every setting, for a reader with a browser."""

from __future__ import annotations

import re

from manual.settings import Table, introduction, tables

_HEAD = """\
# Configuration

`scripts/docs` makes this page from the comments in [config/ocrspool.toml](../config/ocrspool.toml) and the types in
`daemon/ocrspool/config/schema.py`. `man ocrspool.toml` has the same text. `ocrspool schema config` prints a JSON
Schema, which editors understand.

"""


def configuration() -> str:
    """Return the page."""
    return _HEAD + escaped(introduction()) + "\n\n" + "\n".join(map(_section, tables()))


def _section(table: Table) -> str:
    about = f"{escaped(table.meaning)}\n\n" if table.meaning else ""
    rows = "".join(
        f"| `{setting.name}` | {escaped(setting.type)} | {_code(setting.default)} | {escaped(setting.meaning)} |\n"
        for setting in table.settings
    )
    return f"## `[{table.name}]`\n\n{about}| setting | type | default | meaning |\n|---|---|---|---|\n{rows}"


def _code(default: str) -> str:
    return f"`{default}`" if default else "not set"


def escaped(text: str) -> str:
    """Return plain text as Markdown; what stands in backquotes already is code, and is left alone."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else re.sub(r"([*<|])", r"\\\1", piece) for piece in pieces)
