"""Which model a further finder of lines has: `engine.finders` in the configuration. Nothing is loaded or fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ocrspool.engine.models import model_set, single_model
from ocrspool.engine.spec import FinderSpec
from ocrspool.engine_request import Runtime
from ocrspool.errors import EngineError
from ocrspool.files.faults import in_words


def find(name: str, choice: str, folder: Path, runtime: Runtime) -> FinderSpec:
    """Return the finder that `engine.finders.NAME = choice` asks for; `folder` is where published models lie.

    Raise ConfigError where the choice cannot work, EngineMissingError where a published model is not there yet,
    EngineError where files are damaged.
    """
    key = f"engine.finders.{name}"
    try:
        if choice == single_model.BUNDLED:
            models = single_model.bundled(key, runtime)
            spec, thresholds = models.detection, models.thresholds
        else:
            spec, thresholds = model_set.detection(single_model.find(key, choice, "detection", folder, runtime))
    except OSError as error:
        raise EngineError(
            f"{key}: {in_words(error)}", "the user of the service must be able to read the models"
        ) from error
    return FinderSpec(name, replace(spec, finder=name), thresholds)


def find_all(choices: Iterable[tuple[str, str]], folder: Path, runtime: Runtime) -> tuple[FinderSpec, ...]:
    """Return the finders of these names and choices, sorted by name. Raise as `find` does."""
    return tuple(find(name, choice, folder, runtime) for name, choice in sorted(choices))
