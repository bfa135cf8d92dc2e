"""Engines with further readers or finders, made stale or wrong for a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.engine.plan import Plan
from ocrspool.engine.runtimes.openvino import net as openvino
from ocrspool.engine.spec import NetSpec
from ocrspool.engine_request import Settings


def change_manifest(plan: Plan, **fields: object) -> None:
    """Have the engine's manifest say something else."""
    path = plan.folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **fields}), "utf-8")


def alter_a_file(folder: Path) -> None:
    """Add a byte to one of the files of a net."""
    file = next(path for path in sorted(folder.rglob("*")) if path.is_file())
    file.write_bytes(file.read_bytes() + b"\0")


def compile_wrongly(monkeypatch: pytest.MonkeyPatch, is_wrong: Callable[[NetSpec], object]) -> None:
    """Have these nets get pixels as they are in bf16, where their models were trained on normalized ones."""
    right = openvino.build

    def build(spec: NetSpec, folder: Path, settings: Settings) -> None:
        if is_wrong(spec) and settings.precision == "bf16":
            spec = replace(spec, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
        right(spec, folder, settings)

    monkeypatch.setattr(openvino, "build", build)
