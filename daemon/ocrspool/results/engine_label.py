"""The name of an engine where a status says which one reads. It is made of the facts of a status. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def label(engine: Mapping[str, Any]) -> str:
    """Name it in a few words; that it runs on a CPU goes without saying."""
    where = "" if engine["device"] == "cpu" else f" on {engine['device']}"
    return f"{engine['runtime']} {engine['precision']}{where}"


def runtime(engine: Mapping[str, Any]) -> str:
    """Say what computes it, and where."""
    return f"{engine['runtime']} {engine['runtime_version']}, {engine['precision']} on {engine['device']}"


def line(engine: Mapping[str, Any]) -> str:
    """Say exactly which one it is."""
    return f"{runtime(engine)}, {engine['fingerprint']}"


def models(engine: Mapping[str, Any]) -> str:
    """Name the models of its nets."""
    return ", ".join(model["name"] for model in engine.get("models", ()))
