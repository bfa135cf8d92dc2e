"""A node joins again and again, and ends only where another process has its port."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("distributed")

from ocrspool.cluster.api import Pages
from ocrspool.cluster.dask import node
from ocrspool.config.sections import Cluster
from ocrspool.errors import EngineError

SETTINGS = Cluster(scheduler="tcp://127.0.0.1:8786", address="127.0.0.1")
TAKEN = OSError(errno.EADDRINUSE, "Address already in use")


class Turn:
    """One worker of Dask that does not get as far as the cluster."""

    def __init__(self, error: Exception) -> None:
        self.handlers: dict[str, Any] = {}
        self._error = error

    def __await__(self) -> Generator[None, None, None]:
        yield
        raise self._error

    async def close(self, **_: object) -> None:
        """Close nothing."""


class Over(Exception):  # noqa: N818 - it is how a test ends
    """There are no more turns."""


class NoPauses:
    """A Backoff that does not wait."""

    def __init__(self, *_: float) -> None: ...

    def next(self) -> float:
        return 0.0


def joined(monkeypatch: pytest.MonkeyPatch, folder: Path, *errors: Exception) -> list[str]:
    """Return what a node tells while its turns end with these errors. Raise what ends it before that."""
    turns = iter([*errors, Over()])
    told: list[str] = []
    monkeypatch.setattr(node, "_Node", lambda *_, **__: Turn(next(turns)))
    monkeypatch.setattr(node, "Backoff", NoPauses)
    with contextlib.suppress(Over):
        asyncio.run(node.stay_joined(SETTINGS, cast(Pages, None), folder, told.append))
    return told


def test_another_process_has_the_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Trying again does not help, so it ends and says why."""
    with pytest.raises(EngineError, match="another process has port 8788"):
        joined(monkeypatch, tmp_path, TAKEN)


def test_an_earlier_turn_has_the_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a slow machine it takes a while to close. The node goes on trying."""
    told = joined(monkeypatch, tmp_path, OSError(errno.ECONNREFUSED, "Connection refused"), TAKEN, TAKEN)
    assert len(told) == 3
    assert "Address already in use" in told[2]
