"""Manifests that may come from anywhere or may have been altered: what one says, and whether it can be true.

The cache itself trusts the manifest that its own build wrote, and proves the engine by other means.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ocrspool.engine.cache.store import Manifest, fingerprint

MANIFEST = "manifest.json"

_TYPES: dict[str, type] = {
    **dict.fromkeys(("schema", "fingerprint", "built_at", "built_by"), str),
    **dict.fromkeys(("identity", "files", "soft", "parity", "seconds", "readers", "finders"), dict),
    "known_text": list,
}
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read(folder: Path) -> dict[str, Any]:
    """Return what the manifest in a folder says, {} where there is none or it is no JSON. Raise PermissionError."""
    try:
        told = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def checked(told: Mapping[str, Any]) -> Manifest:
    """Return the manifest, if all in it has its type, lies in the engine's folder and fits its fingerprint.

    Raise ValueError, saying what is wrong.
    """
    try:
        manifest = Manifest(**told)
    except TypeError as error:
        raise ValueError(f"it has other fields ({error})") from error
    for name, kind in _TYPES.items():
        if not isinstance(getattr(manifest, name), kind):
            raise ValueError(f"its {name} is of a wrong type")  # noqa: TRY004 - one kind of error for a bad file
    texts = [*manifest.identity.values(), *manifest.soft.values(), *manifest.known_text]
    for read in (*manifest.readers.values(), *manifest.finders.values()):
        texts += read if isinstance(read, list) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("its identity, soft facts or known texts hold more than texts")
    if not all(isinstance(seconds, (int, float)) for seconds in manifest.seconds.values()):
        raise ValueError("its seconds are no numbers")
    if (real := fingerprint(manifest.identity)) != manifest.fingerprint:
        raise ValueError(f"its identity is that of {real}")
    folders = {os.fspath(folder) for name in manifest.files for folder in PurePosixPath(name).parents}
    for name, facts in manifest.files.items():
        _check_name(name, folders)
        _check_facts(name, facts)
    return manifest


def _check_name(name: str, folders: set[str]) -> None:
    """Raise ValueError unless it is a plain path below the engine's folder, and no folder of another file."""
    path = PurePosixPath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    plain = inside and os.fspath(path) == name and name.isprintable()
    if not plain or name in folders or name == MANIFEST:
        raise ValueError(f"it names a file {name!r}")


def _check_facts(name: str, facts: object) -> None:
    if not isinstance(facts, dict) or facts.keys() != {"size", "sha256"}:
        raise ValueError(f"it does not state size and SHA-256 of {name}")
    if type(facts["size"]) is not int or facts["size"] < 0:
        raise ValueError(f"it states no size of {name}")
    if not isinstance(facts["sha256"], str) or not _SHA256.fullmatch(facts["sha256"]):
        raise ValueError(f"it states no SHA-256 of {name}")
