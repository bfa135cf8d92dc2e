"""Which model a further reader of the engine has: `engine.readers` in the configuration. Nothing is loaded or fetched.

PP-OCRv6_tiny, PP-OCRv6_tiny_rec       a published set, of which only the recognition model is used; or that itself
bundled                                the recognition model of the bundled set
a folder (with a / in it)              a model's folder, or a folder that holds one
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from ocrspool.engine.models import catalog, model_folder, model_set, tesseract_data
from ocrspool.engine.models.scripts import written_in
from ocrspool.engine.runtimes.base import runtime_spec
from ocrspool.engine.spec import NetSpec, ReaderSpec
from ocrspool.engine_request import Runtime
from ocrspool.errors import ConfigError, EngineError, EngineMissingError
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
    if choice == "bundled":
        if not runtime_spec(runtime).reads_onnx:
            raise ConfigError(
                [f'{key}: the bundled model is an ONNX file, which the runtime "{runtime}" does not read'],
                'the same model for Paddle is "PP-OCRv6_small"; `ocrspool prebuild` downloads it',
            )
        return model_set.bundled().recognition
    if model := catalog.recognition(choice):
        return _published(key, model, folder, runtime)
    if "/" in choice or Path(choice).is_dir():
        return _in_folder(key, Path(choice), runtime)
    near = get_close_matches(choice, ("bundled", *catalog.SETS), 2)
    raise ConfigError(
        [f"{key}: there is no model {choice!r}"],
        (f"did you mean {' or '.join(near)}? " if near else "")
        + "it is bundled, a folder (with a / in it), or a set that PaddleOCR publishes, such as eslav_PP-OCRv5_mobile",
    )


def _published(key: str, model: str, folder: Path, runtime: Runtime) -> NetSpec:
    found = model_set.local(model, folder, runtime)
    if found is None:
        package = catalog.package(model, runtime)
        raise EngineMissingError(
            f"{key}: {package} is not in {folder}",
            "run `ocrspool prebuild`, which downloads what is missing; without a network, put there "
            f"the folder {package}, with {model_set.listed(runtime)}",
        )
    return model_set.recognition(found, key)


def _in_folder(key: str, folder: Path, runtime: Runtime) -> NetSpec:
    if not folder.is_dir():
        raise ConfigError([f"{key}: there is no folder {folder}"], f"create it, or correct {key}")
    found = model_folder.open_model(folder, runtime)
    if found is None or found.description.role != "recognition":
        found = model_folder.models_in(folder, runtime, key).get("recognition")
    if found is None:
        raise ConfigError(
            [f"{key}: {folder} holds no recognition model for {runtime}"],
            f"the model's files are in it, or in a folder of any name in it: {model_set.listed(runtime)}",
        )
    return model_set.recognition(found, key)
