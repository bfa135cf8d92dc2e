"""One model beside those of `engine.models`, for a further reader or finder. Nothing is loaded or fetched.

PP-OCRv6_tiny, PP-OCRv6_tiny_rec       a published set, of which only one model is used; or that model
bundled                                the model of the bundled set
a folder (with a / in it)              a model's folder, or a folder that holds one
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from ocrspool.engine.models import catalog, model_folder, model_set
from ocrspool.engine.models.catalog import Part
from ocrspool.engine.models.model_folder import FoundModel
from ocrspool.engine.models.model_set import Models
from ocrspool.engine.runtimes.base import runtime_spec
from ocrspool.engine_request import Runtime
from ocrspool.errors import ConfigError, EngineMissingError

BUNDLED = "bundled"


def find(key: str, choice: str, part: Part, folder: Path, runtime: Runtime) -> FoundModel:
    """Return the model that the setting `key` names, if it is not the bundled one.

    `folder` is where published models lie. Raise ConfigError where the choice cannot work, EngineMissingError where a
    published model is not there yet, EngineError where files are damaged, OSError where they cannot be read.
    """
    if model := catalog.model(choice, part):
        return _published(key, model, folder, runtime)
    if "/" in choice or Path(choice).is_dir():
        return _in_folder(key, Path(choice), part, runtime)
    near = get_close_matches(choice, (BUNDLED, *catalog.SETS), 2)
    raise ConfigError(
        [f"{key}: there is no model {choice!r}"],
        (f"did you mean {' or '.join(near)}? " if near else "")
        + "it is bundled, a folder (with a / in it), or a set that PaddleOCR publishes, such as "
        + ("eslav_PP-OCRv5_mobile" if part == "recognition" else "PP-OCRv6_tiny"),
    )


def bundled(key: str, runtime: Runtime) -> Models:
    """Return the bundled set for the setting `key`. Raise ConfigError where the runtime cannot read it."""
    if not runtime_spec(runtime).reads_onnx:
        raise ConfigError(
            [f'{key}: the bundled model is an ONNX file, which the runtime "{runtime}" does not read'],
            'the same model for Paddle is "PP-OCRv6_small"; `ocrspool prebuild` downloads it',
        )
    return model_set.bundled()


def _published(key: str, model: str, folder: Path, runtime: Runtime) -> FoundModel:
    found = model_set.local(model, folder, runtime)
    if found is None:
        package = catalog.package(model, runtime)
        raise EngineMissingError(
            f"{key}: {package} is not in {folder}",
            "run `ocrspool prebuild`, which downloads what is missing; without a network, put there "
            f"the folder {package}, with {model_set.listed(runtime)}",
        )
    return found


def _in_folder(key: str, folder: Path, part: Part, runtime: Runtime) -> FoundModel:
    if not folder.is_dir():
        raise ConfigError([f"{key}: there is no folder {folder}"], f"create it, or correct {key}")
    found = model_folder.open_model(folder, runtime)
    if found is None or found.description.role != part:
        found = model_folder.models_in(folder, runtime, key).get(part)
    if found is None:
        raise ConfigError(
            [f"{key}: {folder} holds no {part} model for {runtime}"],
            f"the model's files are in it, or in a folder of any name in it: {model_set.listed(runtime)}",
        )
    return found
