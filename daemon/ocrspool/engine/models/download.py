"""Fetches the models that PaddleOCR publishes: all that goes to the network here, and only for `prebuild`.

    <cache>/models/<package>/             a model: its files, and pinned.json, which says what they were when they came
    <cache>/models/.<package>.part/       a download in progress; the next attempt, or the next run, goes on with it
    <cache>/models/.lock                  held meanwhile

Plain HTTP from the standard library: each package is one tar at a known address, and any web server that holds the
same files is a mirror. PaddleX's own downloader would bring four client libraries for four hosts, and unpacks without
looking at what is inside.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

from ocrspool.engine.models import catalog, checksums, model_folder, model_set, paddleocr_catalog
from ocrspool.engine.models.http_download import MB, OnStage, Source, TransferError, receive
from ocrspool.engine.runtimes.base import runtime_spec
from ocrspool.engine_request import Runtime
from ocrspool.errors import ConfigError, EngineError
from ocrspool.files import atomic, file_lock, tar_reader
from ocrspool.files.faults import in_words

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}

OFFICIAL = Source()


def fetch(choice: str, folder: Path, on_stage: OnStage, runtime: Runtime, source: Source = OFFICIAL) -> None:
    """Make the models of an official set, or one model, appear in `folder`; check those there against their pins.

    Nothing is to be done for other choices. Raise ConfigError where a model is not published for the runtime,
    EngineError where a download fails or a file is not what it was.
    """
    names = catalog.models(choice)
    if not names:
        return
    if urlsplit(source.url).scheme not in {"http", "https"}:
        raise ConfigError([f"the source of models, {source.url!r}, is no http or https address"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder, on_stage):
            for name in names:
                _fetch(name, folder, on_stage, runtime, source)
    except OSError as error:
        advice = "make room" if error.errno in _NO_ROOM else "correct what it says of the folder"
        raise EngineError(f"models cannot be put into {folder}: {in_words(error)}", advice) from error


def _fetch(name: str, folder: Path, on_stage: OnStage, runtime: Runtime, source: Source) -> None:
    if (found := model_set.local(name, folder, runtime)) is not None:
        checksums.check(found.files[0].parent, thoroughly=True)
        return
    package = catalog.package(name, runtime)
    target = folder / package
    if target.exists():
        raise EngineError(
            f"{target} is there, but holds no complete model for {runtime}", "remove it, and run `ocrspool prebuild`"
        )
    part = folder / f".{package}.part"
    part.mkdir(exist_ok=True)
    if source.url == OFFICIAL.url and catalog.has_paddleocr() and _by_paddleocr(name, part, on_stage, runtime):
        atomic.move(part / "model", target)
        shutil.rmtree(part)
        return
    url = f"{source.url.rstrip('/')}/{package}_infer.tar"
    try:
        archive = receive(package, url, part, on_stage, source)
    except TransferError as error:
        raise EngineError(
            f"{package} cannot be downloaded from {url}: {error}",
            f"check network and proxy (https_proxy) and try again; or unpack {package}_infer.tar elsewhere, and put "
            f"its files (inference.yml and those beside it) into {target}",
        ) from error
    try:
        _unpack(archive, part / "model", name, runtime, source)
    except EngineError:
        shutil.rmtree(part)  # whatever it is, going on with it will not help
        raise
    checksums.write(part / "model", url)
    atomic.move(part / "model", target)
    shutil.rmtree(part)


def _by_paddleocr(name: str, part: Path, on_stage: OnStage, runtime: Runtime) -> bool:
    """Take a model that PaddleOCR's catalogue fetches into part/model; tell whether it knows the model."""
    on_stage(f"fetching {name} with the catalogue of PaddleOCR")
    found = paddleocr_catalog.fetch(name, part / "paddlex", onnx=runtime_spec(runtime).reads_onnx)
    if found is None:
        return False
    shutil.rmtree(part / "model", ignore_errors=True)
    (part / "model").mkdir()
    for file in sorted(model_folder.FILES):
        if (found / file).is_file():
            shutil.copyfile(found / file, part / "model" / file)
    _check_model(part / "model", name, runtime, "look what PaddleOCR has fetched; nothing of it was kept")
    checksums.write(part / "model", "the catalogue of PaddleOCR")
    return True


def _check_model(folder: Path, name: str, runtime: Runtime, advice: str) -> None:
    """Raise EngineError where a folder does not hold this model."""
    found = model_folder.open_model(folder, runtime)
    if found is None or found.description.name != name:
        inside = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise EngineError(f"the package of {name} does not hold that model for {runtime}, but {inside}", advice)


def _unpack(package: Path, folder: Path, name: str, runtime: Runtime, source: Source) -> None:
    """Take a model's files out of its package into a new folder. Raise EngineError where that is not what it holds."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    advice = "check the source of models; nothing of this archive was kept"
    try:
        with package.open("rb") as archive:
            _extract(archive, folder, source.most_mb * MB)
    except (ValueError, FileExistsError) as error:
        raise EngineError(f"the package of {name} is not a model's archive: {error}", advice) from error
    _check_model(folder, name, runtime, advice)


def _extract(archive: BinaryIO, folder: Path, most: int) -> None:
    """Write the files that make a model, each under its own last name: nothing an archive says leads elsewhere.

    Raise ValueError where it reaches for more than its own folder.
    """
    for member in tar_reader.members(archive, foreign=True):
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"it holds {member.name}, outside of itself")
        if path.name not in model_folder.FILES:
            member.skip()
            continue
        most -= member.size
        if most < 0:
            raise ValueError(f"it holds {member.name} of {member.size} bytes")
        with (folder / path.name).open("xb") as file:
            file.writelines(member.pieces())


@contextmanager
def _alone(folder: Path, on_stage: OnStage) -> Iterator[None]:
    """Wait for another process that downloads, and keep others waiting. Raise LockedError."""
    lock = file_lock.take(folder / ".lock", seconds=file_lock.BUILD_SECONDS, flags=file_lock.NEW_LOCK, on_wait=on_stage)
    try:
        yield
    finally:
        os.close(lock)
