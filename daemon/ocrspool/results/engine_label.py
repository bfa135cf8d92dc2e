"""What an engine is called where people see which one reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Named(Protocol):
    """Whatever has a name."""

    @property
    def name(self) -> str:
        """Its name."""


class Reads(Protocol):
    """A net that may be a reader's."""

    @property
    def reader(self) -> str | None:
        """The name of the reader; None for other nets."""

    @property
    def languages(self) -> tuple[str, ...]:
        """What it reads."""


class Finds(Named, Protocol):
    """A net that may be a finder's."""

    @property
    def finder(self) -> str | None:
        """The name of the finder; None for other nets."""


class Described(Protocol):
    """What describes an engine."""

    @property
    def runtime(self) -> str:
        """The runtime, for instance openvino."""

    @property
    def runtime_version(self) -> str:
        """The version of the runtime."""

    @property
    def precision(self) -> str:
        """f32, bf16 or f16."""

    @property
    def device(self) -> str:
        """The device, for instance cpu or gpu:0."""

    @property
    def fingerprint(self) -> str:
        """The name of the engine in the cache."""


def label(engine: Described) -> str:
    """Name it in a few words. A CPU is not mentioned."""
    where = "" if engine.device == "cpu" else f" on {engine.device}"
    return f"{engine.runtime} {engine.precision}{where}"


def runtime(engine: Described) -> str:
    """Say what computes it, and where."""
    return f"{engine.runtime} {engine.runtime_version}, {engine.precision} on {engine.device}"


def line(engine: Described) -> str:
    """Say exactly which engine it is."""
    return f"{runtime(engine)}, {engine.fingerprint}"


def readers(nets: Iterable[Reads]) -> str:
    """Say what each reader reads: "default Han, Latin; russian Cyrillic, Latin"."""
    return "; ".join(f"{net.reader} {', '.join(net.languages) or '?'}" for net in nets if net.reader)


def finders(nets: Iterable[Finds]) -> str:
    """Say which model each finder of lines has: "default PP-OCRv6_small_det; tiny PP-OCRv6_tiny_det"."""
    return "; ".join(f"{net.finder} {net.name}" for net in nets if net.finder)


def models(nets: Iterable[Named]) -> str:
    """Name the models of its nets."""
    return ", ".join(net.name for net in nets)
