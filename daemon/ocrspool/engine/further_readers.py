"""The further readers of an engine: made of their nets, and proven by the lines of the known page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ocrspool.engine.cache.store import HINT
from ocrspool.engine.models import model_set
from ocrspool.engine.readers.at_first_use import AtFirstUse
from ocrspool.engine.readers.net_reader import NetReader
from ocrspool.engine.reading import recognize
from ocrspool.engine.runtimes.split_batches import HalvingNet
from ocrspool.engine.test_pages import known_lines
from ocrspool.errors import EngineMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ocrspool.engine.plan import Plan
    from ocrspool.engine.readers.reader import LineReader
    from ocrspool.engine.reading.recognize import ReadSettings
    from ocrspool.engine.spec import Net, NetSpec, ReaderSpec

Known = dict[str, list[str]]
"""What each reader reads in the lines of the known page."""


def of(plan: Plan, nets: Mapping[str, Net], settings: ReadSettings) -> dict[str, LineReader]:
    """Return the readers of an engine by name; `nets` has the loaded ones by their keys. Raise EngineError."""
    return {
        reader.name: _net_reader(reader.net, nets[reader.net.key], settings) if reader.net else _tesseract(plan, reader)
        for reader in plan.models.readers
    }


def at_first_use(
    plan: Plan, load: Callable[[NetSpec], Net], settings: ReadSettings, like: Net, known: Mapping[str, list[str]]
) -> dict[str, LineReader]:
    """Return readers whose nets `load` gets when they are needed. They are proven then; until then they are `like`."""
    default = _net_reader(plan.models.recognition, like, settings)

    def loaded(name: str, spec: NetSpec) -> LineReader:
        reader = _net_reader(spec, load(spec), settings)
        _check(name, known.get(name, []), _read_known(reader, like, settings), plan.folder)
        return reader

    return {
        reader.name: AtFirstUse(partial(loaded, reader.name, reader.net), default)
        if reader.net
        else _tesseract(plan, reader)
        for reader in plan.models.readers
    }


def known_by(readers: Mapping[str, LineReader], like: Net, settings: ReadSettings) -> Known:
    """Return what each reader reads in the lines of the known page, cut as for the net of the default reader."""
    return {name: _read_known(reader, like, settings) for name, reader in readers.items()}


def check(known: Mapping[str, list[str]], found: Known, folder: Path) -> None:
    """Raise EngineMissingError where a reader reads the known lines otherwise than when the engine was built."""
    for name, texts in found.items():
        _check(name, known.get(name, []), texts, folder)


def _check(name: str, known: list[str], found: list[str], folder: Path) -> None:
    if found != known:
        told = f"the reader {name} of the engine in {folder} reads the known lines as {found}, not {known}"
        raise EngineMissingError(told, HINT)


def _read_known(reader: LineReader, like: Net, settings: ReadSettings) -> list[str]:
    strips = [strip for line in known_lines() for strip in recognize.strips(line, like, settings)]
    return [reader.read([strip])[0].text for strip in strips]


def _net_reader(spec: NetSpec, net: Net, settings: ReadSettings) -> NetReader:
    return NetReader(HalvingNet(net), model_set.characters(spec), settings)


def _tesseract(plan: Plan, reader: ReaderSpec) -> LineReader:
    from ocrspool.engine.readers import tesseract  # noqa: PLC0415 - it starts processes, which few engines do

    return tesseract.load(reader, plan.settings.threads)
