"""Models in folders, one each: which files a runtime reads of a folder, and what the folder's `inference.yml` says.

    <any name>/inference.yml                                  what the model is, and how it is used
              /inference.onnx                                 for openvino and onnxruntime
              /inference.pdmodel, inference.pdiparams         for paddle and openvino
              /inference.json, inference.pdiparams            for paddle 3

Both kinds may lie in one folder. A folder's name does not matter: what the model is for is in its inference.yml.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ocrspool.engine.models import inference_yml
from ocrspool.engine.models.inference_yml import Description
from ocrspool.engine.runtimes.base import ONNX, PIR, PROGRAM, runtime_spec
from ocrspool.engine.spec import Role
from ocrspool.engine_request import Runtime
from ocrspool.errors import ConfigError

FILES = frozenset({inference_yml.NAME, *ONNX, *PROGRAM, *PIR})


@dataclass(frozen=True, slots=True)
class FoundModel:
    """One model that a runtime can read."""

    description: Description
    files: tuple[Path, ...]
    """The model first, then its weights if they are apart, inference.yml last."""


def files(folder: Path, runtime: Runtime) -> tuple[Path, ...] | None:
    """Return the files that the runtime reads of a model's folder, inference.yml last; None where some are missing."""
    for names in runtime_spec(runtime).model_files:
        wanted = tuple(folder / name for name in (*names, inference_yml.NAME))
        if all(path.is_file() for path in wanted):
            return wanted
    return None


def open_model(folder: Path, runtime: Runtime) -> FoundModel | None:
    """Return the model in a folder, None where there is none for this purpose and runtime.

    Raise EngineError where its description is damaged.
    """
    found = files(folder, runtime)
    description = inference_yml.read(found[-1]) if found else None
    return FoundModel(description, found) if found and description else None


def models_in(folder: Path, runtime: Runtime, key: str = "engine.models") -> dict[Role, FoundModel]:
    """Return the models in the folders inside `folder`, by role; `key` is the setting that names it.

    Raise ConfigError where there is a choice, EngineError where a description is damaged.
    """
    found: dict[Role, FoundModel] = {}
    for model in _models(folder, runtime):
        role = model.description.role
        if role in found:
            one, other = (each.files[-1].parent for each in (found[role], model))
            raise ConfigError(
                [f"{key}: {folder} holds two {role} models for {runtime}, {one.name} and {other.name}"],
                "make a folder with links to the three model folders that are wanted, and name that",
            )
        found[role] = model
    return found


def _models(folder: Path, runtime: Runtime) -> Iterator[FoundModel]:
    for inside in sorted(folder.iterdir()):
        if inside.is_dir() and not inside.name.startswith(".") and (model := open_model(inside, runtime)):
            yield model
