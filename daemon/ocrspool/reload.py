"""What of a new configuration can take effect while the service runs, and what has to wait for a start. Pure."""

from __future__ import annotations

from typing import Any

from ocrspool.config import Config

_AT_START = ("paths", "engine", "service", "metrics")
_FOLDERS = ("root", "inbox", "work", "outbox", "done", "failed")


def live_part(old: Config, new: Config) -> Config:
    """Return `new` with everything taken from `old` that only a start can change."""
    kept: dict[str, Any] = {section: getattr(old, section) for section in _AT_START}
    inboxes = {
        name: inbox.model_copy(update=_folders(old, name)) if name in old.inbox else inbox
        for name, inbox in new.inbox.items()
    }
    return new.model_copy(update={**kept, "inbox": inboxes})


def differences(old: Config, new: Config) -> list[str]:
    """Return "key: old → new" for each setting that has to wait for a start."""
    found = [
        _arrow(f"{section}.{key}", before, after)
        for section in _AT_START
        for (key, before), (_, after) in zip(getattr(old, section), getattr(new, section), strict=True)
        if before != after
    ]
    for name in new.inbox.keys() & old.inbox.keys():
        before, after = _folders(old, name), _folders(new, name)
        found += [_arrow(f"inbox.{name}.{key}", before[key], after[key]) for key in before if before[key] != after[key]]
    return found


def _folders(config: Config, name: str) -> dict[str, Any]:
    return {key: getattr(config.inbox[name], key) for key in _FOLDERS}


def _arrow(key: str, before: object, after: object) -> str:
    return f"{key}: {before} → {after}"
