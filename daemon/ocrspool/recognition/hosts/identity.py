"""Whether the engines of a host read as they should: the same models, runtime and precision. Pure.

Whole fingerprints are not compared. They contain the processor and the GPU, and hosts may differ in these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocrspool.config.sections import Engine
from ocrspool.recognition.hosts.answers import HostReport

_OF_THE_MACHINE = frozenset(
    {"cpu", "cpu_flags", "device", "gpu", "compute_capability", "driver", "path", "workspace_mb"}
)
"""Items of an engine's identity that may differ between hosts."""

_ASKED = ("runtime", "precision")
"""Settings of [engine] that every host has to have, if the configuration of the service sets them."""


_MOST_NAMED = 3
"""So many items are named that differ."""


def compared(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return those items of an engine, as its worker described it, that have to be the same everywhere."""
    items = {str(name): str(value) for name, value in facts.get("identity", {}).items() if name not in _OF_THE_MACHINE}
    named = {name: str(facts[name]) for name in ("runtime", "runtime_version", "precision")}
    models = {_named(model): f"{model['name']} {model['sha256'][:12]}" for model in facts["models"]}
    return {**items, **models, **named}


def _named(model: Mapping[str, Any]) -> str:
    """Return what a model is for. An engine has a model for each of its readers and finders."""
    reader, finder = model.get("reader"), model.get("finder")
    owner = f" of the reader {reader}" if reader else f" of the finder {finder}" if finder else ""
    return f"{model['role']} model{owner}"


def asked(engine: Engine) -> dict[str, str]:
    """Return what the configuration of the service itself demands of every host."""
    wanted = engine.model_dump(include=set(_ASKED) & engine.model_fields_set)
    return {name: value for name, value in wanted.items() if value != "auto"}


def missing_reader(report: HostReport, engine: Engine) -> str:
    """Return the reader or finder that this configuration knows and a host has not; "" if it has all of them."""
    for facts in report.engines:
        for kind, wanted in (("reader", engine.readers), ("finder", engine.finders)):
            there = {model.get(kind) for model in facts["models"]}
            for name in wanted:
                if name not in there:
                    return f"it has no {kind} {name}, which engine.{kind}s has here"
    return ""


def difference(report: HostReport, wanted: Mapping[str, str], where: str, *, exactly: bool) -> str:
    """Return why a host may not read, in words; "" if it may. `where` says whose `wanted` is: "here", or a host.

    With `exactly` the host may have no item that is not wanted.
    """
    for facts in report.engines:
        found = compared(facts)
        names = [*wanted, *(name for name in found if exactly and name not in wanted)]
        different = [name for name in names if found.get(name) != wanted.get(name)]
        if different:
            return "; ".join(
                f"{name} is {found.get(name, 'not there')}, {where} {wanted.get(name, 'not there')}"
                for name in different[:_MOST_NAMED]
            )
    return ""
