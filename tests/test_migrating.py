"""Each setting that docs/migrating.md offers in place of another program's exists here."""

from __future__ import annotations

import re

from ocrspool.config.schema import Config, Inbox, Profile
from support.documented_commands import ROOT

_CODE = re.compile(r"`(?:(\w+)\.)?([a-z_]+)(?: = [^`]+)?`")
_OF_RESULTS = {("source", "path"), ("source", "sha256")}


def test_settings() -> None:
    """In the second column of the tables."""
    sections = {name: set(field.annotation.model_fields) for name, field in Config.model_fields.items() if has(field)}  # type: ignore[union-attr]
    own = set(Inbox.model_fields) | set(Profile.model_fields)
    found = [
        named
        for line in (ROOT / "docs/migrating.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
        for named in _CODE.findall(line.split(" | ", 1)[1])
    ]
    assert len(found) > 30
    unknown = [
        (section, name)
        for section, name in found
        if (section, name) not in _OF_RESULTS and name not in (sections[section] if section else own)
    ]
    assert unknown == []


def has(field: object) -> bool:
    """Tell whether a section holds settings, and not tables of them."""
    return hasattr(getattr(field, "annotation", None), "model_fields")
