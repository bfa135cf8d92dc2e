"""Which model a further reader of the engine has: `engine.readers` in the configuration. Nothing is loaded or fetched.

A recognition model as single_model.py finds it, or data of Tesseract.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ocrspool.engine.models import model_set, single_model, tesseract_data
from ocrspool.engine.models.scripts import written_in
from ocrspool.engine.spec import NetSpec, ReaderSpec
from ocrspool.engine_request import Runtime
from ocrspool.errors import EngineError
from ocrspool.files.faults import in_words


def find(name: str, choice: str, folder: Path, runtime: Runtime) -> ReaderSpec:
    """Return the reader that `engine.readers.NAME = choice` asks for; `folder` is where published models lie.

    Raise ConfigError where the choice cannot work, EngineMissingError where a published model is not there yet,
    EngineError where files are damaged.
    """
    try:
        if tesseract_data.is_tesseract(choice):
            return tesseract_data.find(name, choice)
        return net_reader(name, _recognition(name, choice, folder, runtime))
    except OSError as error:
        raise EngineError(
            f"engine.readers.{name}: {in_words(error)}", "the user of the service must be able to read the models"
        ) from error


def find_all(choices: Iterable[tuple[str, str]], folder: Path, runtime: Runtime) -> tuple[ReaderSpec, ...]:
    """Return the readers of these names and choices, sorted by name. Raise as `find` does."""
    return tuple(find(name, choice, folder, runtime) for name, choice in sorted(choices))


def net_reader(name: str, spec: NetSpec) -> ReaderSpec:
    """Return the reader that has this recognition net."""
    languages = written_in(model_set.characters(spec))
    return ReaderSpec(name, spec.name, spec.files, replace(spec, reader=name), languages=languages)


def _recognition(name: str, choice: str, folder: Path, runtime: Runtime) -> NetSpec:
    key = f"engine.readers.{name}"
    if choice == single_model.BUNDLED:
        return single_model.bundled(key, runtime).recognition
    return model_set.recognition(single_model.find(key, choice, "recognition", folder, runtime), key)
