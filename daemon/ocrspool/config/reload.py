"""The configuration of a running service: read at the start and on request. It says which changes need a restart."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ocrspool.config import preflight
from ocrspool.config.current import CurrentConfig
from ocrspool.config.loader import load
from ocrspool.config.schema import Config, Profile
from ocrspool.observability import log_setup
from ocrspool.pages import DEFAULT_FINDER, DEFAULT_READER

_log = logging.getLogger(__name__)

_AT_START = ("paths", "engine", "service", "metrics", "cluster")
_WHO_READS = ("quality", "readers", "sure", "finder")
_FOLDERS = ("root", "inbox", "work", "outbox", "done", "failed")


class Configuration:
    """A file, and what of it is in effect."""

    def __init__(self, path: Path, log_format: log_setup.Format | None) -> None:
        """Read it; `log_format` holds in place of its own. Raise ConfigError."""
        self.path = path
        self._log_format = log_format
        self.live = CurrentConfig(self._read())

    def reload(self) -> None:
        """Read it again and put what can be into effect. Raise ConfigError, where nothing has changed."""
        wanted = self._read()
        preflight.refuse(wanted)
        for difference in differences(self.live.config, wanted):
            _log.warning("reload: %s takes effect at the next start", difference)
        self.live.config = live_part(self.live.config, wanted)

    def _read(self) -> Config:
        config = load(self.path)
        if self._log_format is None:
            return config
        return config.model_copy(update={"log": config.log.model_copy(update={"format": self._log_format})})


def live_part(old: Config, new: Config) -> Config:
    """Return `new` with everything taken from `old` that only a start can change."""
    kept: dict[str, Any] = {section: getattr(old, section) for section in _AT_START}
    inboxes = {
        name: inbox.model_copy(update=_folders(old, name)) if name in old.inbox else inbox
        for name, inbox in new.inbox.items()
    }
    profiles = {name: _readable(old, name, profile) for name, profile in new.profile.items()}
    return new.model_copy(update={**kept, "inbox": inboxes, "profile": profiles})


def differences(old: Config, new: Config) -> list[str]:
    """Return "key: old → new" for each setting that has to wait for a start."""
    found = [
        _arrow(f"{section}.{key}", before, after)
        for section in _AT_START
        for (key, before), (_, after) in zip(getattr(old, section), getattr(new, section), strict=True)
        if before != after
    ]
    for name, profile in new.profile.items():
        if not _has_readers(old, profile):
            now, wanted = old.profile.get(name, Profile()).reader_order(), profile.reader_order()
            found.append(_arrow(f"profile.{name}.readers", now.names, wanted.names))
            if now.finder != wanted.finder:
                found.append(_arrow(f"profile.{name}.finder", now.finder, wanted.finder))
    for name in new.inbox.keys() & old.inbox.keys():
        before, after = _folders(old, name), _folders(new, name)
        found += [_arrow(f"inbox.{name}.{key}", before[key], after[key]) for key in before if before[key] != after[key]]
    return found


def _readable(old: Config, name: str, profile: Profile) -> Profile:
    """Return a profile such that the engines that are loaded can read for it; they have the readers of `old`."""
    if _has_readers(old, profile):
        return profile
    known = old.profile.get(name, Profile())
    return profile.model_copy(update={key: getattr(known, key) for key in _WHO_READS})


def _has_readers(config: Config, profile: Profile) -> bool:
    order = profile.reader_order()
    found = {DEFAULT_FINDER, *config.engine.finders}
    return order.finder in found and {DEFAULT_READER, *config.engine.readers}.issuperset(order.names)


def _folders(config: Config, name: str) -> dict[str, Any]:
    return {key: getattr(config.inbox[name], key) for key in _FOLDERS}


def _arrow(key: str, before: object, after: object) -> str:
    return f"{key}: {_shown(before)} → {_shown(after)}"


def _shown(value: object) -> str:
    """Return a setting's value in words."""
    if isinstance(value, dict):
        value = tuple(f"{key} = {each}" for key, each in value.items())
    listed = value if isinstance(value, tuple) else ("" if value is None else value,)
    return ", ".join(map(str, listed)) or "nothing"
