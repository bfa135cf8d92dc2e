"""How long builds took on this machine, so that the next one can say how long it will take.

    <cache>/engines/history.json    the latest build of each model, newest last

Advice only: a file that is missing or damaged is an empty one, and one that cannot be written is done without.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from typing import TYPE_CHECKING, Any

from ocrspool.files import atomic, file_lock
from ocrspool.formatting import format_duration

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.cache.store import Identity
    from ocrspool.engine.spec import NetSpec

_log = logging.getLogger(__name__)

_MOST = 60
"""Entries kept: twenty engines of three models."""
_ALIKE = ("runtime", "provider", "device", "model")
"""What has to be the same for one build to say something about another."""
_EXACT = (*_ALIKE, "runtime_version", "tensorrt", "gpu", "cpu", "precision", "shapes")
"""What has to be the same for it to take as long."""
_WORTH_SAYING = 5.0
"""Seconds from which on an estimate is of use to anybody."""


class History:
    """The record of one cache."""

    def __init__(self, root: Path) -> None:
        self._path = root / "history.json"

    def add(self, identity: Identity, spec: NetSpec, seconds: float) -> None:
        """Note how long the build of one model took, in place of what was known of it."""
        about = _about(identity, spec)
        lock = None
        try:
            # The folder itself: two engines may be built at once.
            lock = file_lock.take(self._path.parent, seconds=file_lock.SHORT_SECONDS)
            entries = [entry for entry in self._read() if entry["about"] != about]
            entries.append({"about": about, "seconds": round(seconds, 3)})
            atomic.write(self._path, json.dumps(entries[-_MOST:], indent=1).encode() + b"\n")
        except (OSError, file_lock.LockedError) as error:
            _log.warning("cannot note in %s how long the build took: %s", self._path, error)
        finally:
            if lock is not None:
                os.close(lock)

    def estimate(self, identity: Identity, spec: NetSpec) -> tuple[float, bool] | None:
        """Return the seconds that a build will take, and whether they are of the very same one; None if none is alike.

        The nearest counts, the latest of several.
        """
        wanted = _about(identity, spec)
        alike = [entry for entry in self._read() if all(entry["about"].get(key) == wanted.get(key) for key in _ALIKE)]
        if not alike:
            return None
        nearest = max(reversed(alike), key=lambda entry: len(entry["about"].items() & wanted.items()))
        return nearest["seconds"], nearest["about"] == wanted

    def in_words(self, identity: Identity, spec: NetSpec) -> str:
        """Return what to say after the name of a model that is being built: ", about 15 min by ...", or nothing."""
        estimated = self.estimate(identity, spec)
        if estimated is None:
            slow = identity.get("provider") == "tensorrt"
            return ", no earlier build here to estimate from; TensorRT takes minutes" if slow else ""
        seconds, exact = estimated
        if seconds < _WORTH_SAYING:
            return ""
        return f", about {format_duration(seconds)} by {'the last' if exact else 'a similar'} build of it here"

    def _read(self) -> list[dict[str, Any]]:
        """Return the entries that make sense."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found = json.loads(self._path.read_bytes())
            return [entry for entry in found if _is_entry(entry)] if isinstance(found, list) else []
        return []


def _about(identity: Identity, spec: NetSpec) -> dict[str, str]:
    """Return what the time of a build depends on."""
    whole = {**identity, "model": spec.name, "shapes": identity.get(f"{spec.key}.shapes", "")}
    return {key: whole[key] for key in _EXACT if key in whole}


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("about"), dict):
        return False
    texts = all(isinstance(value, str) for value in entry["about"].values())
    return texts and isinstance(entry.get("seconds"), (int, float)) and 0 <= entry["seconds"] < float("inf")
