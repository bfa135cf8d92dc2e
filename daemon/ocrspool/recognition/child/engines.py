"""The engines of a worker process: how one is loaded, built, and held against removal while it is in use."""

from __future__ import annotations

import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocrspool.engine.plan import Plan, plan
from ocrspool.engine.runtimes.base import runtime_spec
from ocrspool.errors import EngineError
from ocrspool.files import file_lock
from ocrspool.pages import DEFAULT_FINDER, DEFAULT_READER, PageOptions
from ocrspool.processes.channel import Channel, ChannelClosedError, Message
from ocrspool.recognition.engine_errors import engine_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ocrspool.engine.cache.store import Manifest
    from ocrspool.engine.loader import Proven
    from ocrspool.engine_request import EngineRequest
    from ocrspool.pages import PageText
    from ocrspool.recognition.child.worker import OnStage

_log = logging.getLogger(__name__)

_MANIFEST_SECONDS = 5.0
"""Who removes an engine has its manifest locked for an instant."""


class LoadedEngine:
    """An engine that has been proven, and reads pages."""

    def __init__(self, wanted: Plan, proven: Proven, on_close: Callable[[], None] = lambda: None) -> None:
        self._recognizer = proven.recognizer
        self._manifest = proven.manifest
        self.nets = proven.nets
        self._on_close = on_close
        self.facts = {**facts_of(wanted, proven.manifest), "seconds": proven.seconds}
        """What a result says of it, and the seconds of each stage of its loading."""

    def submit(self, descriptor: int, page: dict[str, Any], on_progress: Callable[[], None]) -> Future[PageText]:
        """Begin to read the pixels in a memory file. They are mapped when this returns."""
        from ocrspool.engine.ocr.shared_image import pixels  # noqa: PLC0415 - numpy is there by now

        image = pixels(descriptor, page["height"], page["width"], page["channels"])
        return self._recognizer.submit(image, PageOptions.from_json(page["options"]), on_progress)

    def still_reads(self) -> bool:
        """Tell whether it reads the known page as it should."""
        from ocrspool.engine.loader import still_reads  # noqa: PLC0415 - there by now

        return still_reads(self._recognizer, self._manifest)

    def close(self) -> None:
        """End its threads and its readers."""
        self._recognizer.close()
        self._recognizer.close_readers()
        self._on_close()


class RealEngines:
    """Loads and builds engines in the cache."""

    def __init__(self) -> None:
        self._held: int | None = None
        """The lock on the engine's manifest, for as long as this process lives."""

    def load(self, request: EngineRequest, on_stage: OnStage) -> LoadedEngine:
        """Load the engine and prove it. Raise what keeps it from being loaded."""
        return self._loaded(_planned_to_load(request), on_stage)

    def load_shared(self, request: EngineRequest, on_stage: OnStage) -> LoadedEngine:
        """Load the engine for others, and prove it. Raise what keeps it from being loaded."""
        return self._loaded(_shared(_planned_to_load(request)), on_stage)

    def join(self, request: EngineRequest, connection: int, on_stage: OnStage) -> LoadedEngine:
        """Use the nets of the process at the other end of this socket. Raise what kept it from loading its engine."""
        wanted = _shared(_planned(request))
        from ocrspool.engine.loader import around  # noqa: PLC0415 - there by now
        from ocrspool.engine.remote_nets.client import RemoteNets  # noqa: PLC0415 - numpy is there by now

        with closing(Channel(socket.socket(fileno=os.dup(connection)))) as channel:
            described = _joined(channel, on_stage)
            nets = RemoteNets(described, lambda line: channel.send({"op": "line"}, line))
        joined = around(wanted, nets.by_key, on_stage)
        return LoadedEngine(wanted, replace(joined, seconds={**described["seconds"], **joined.seconds}), nets.close)

    def build(self, request: EngineRequest, on_stage: OnStage, *, force: bool, source: str | None) -> dict[str, Any]:
        """Build the engine where it is missing. Return its facts.

        `source` is the address from which published models that are not here are downloaded.
        """
        if source:
            _fetch(request, source, on_stage)
        wanted = _planned(request, ahead=True)
        from ocrspool.engine.build.builder import build  # noqa: PLC0415 - there by now

        if wanted.only_ahead:
            on_stage("no GPU is here: the engine is compiled ahead; `ocrspool prebuild` finishes it on the GPU")
        manifest, built = build(wanted, on_stage, force=force)
        facts = {**facts_of(wanted, manifest), "folder": os.fspath(wanted.folder), "manifest": asdict(manifest)}
        return {**facts, "new": built}

    def _loaded(self, wanted: Plan, on_stage: OnStage) -> LoadedEngine:
        from ocrspool.engine.loader import load  # noqa: PLC0415 - there by now

        self._hold(wanted.folder / "manifest.json", on_stage)
        return LoadedEngine(wanted, load(wanted, on_stage))

    def _hold(self, manifest: Path, on_stage: OnStage) -> None:
        """Lock the manifest for as long as this process lives, so that `engines gc` leaves the engine alone.

        Whoever can read it can lock it, and must not keep the service from serving. Then it is loaded without the lock.
        """
        try:
            self._held = file_lock.take(manifest, shared=True, seconds=_MANIFEST_SECONDS, on_wait=on_stage)
        except FileNotFoundError:
            pass  # `load` says what is missing
        except file_lock.LockedError as error:
            _log.warning("%s; the engine is loaded all the same, and `ocrspool engines gc` could remove it", error)


def _shared(wanted: Plan) -> Plan:
    """Return the plan of an engine that several workers share: all of it is loaded at once."""
    return replace(wanted, readers_at_first_use=False)


def _joined(channel: Channel, on_stage: OnStage) -> Message:
    """Wait until the process with the engine has loaded it. Return what its nets are. Raise what kept it from that."""
    try:
        channel.send({"op": "join"})
        while True:
            answer, _ = channel.receive()
            if "stage" in answer:
                on_stage(answer["stage"])
            elif "error" in answer:
                raise engine_error(answer["error"])
            else:
                return answer
    except ChannelClosedError as error:
        raise EngineError(f"the process with the engine has ended while it loaded: {error}") from error


def facts_of(wanted: Plan, manifest: Manifest) -> dict[str, Any]:
    """Return what a result says of the engine that read it."""
    items = manifest.identity
    return {
        "runtime": wanted.runtime,
        "runtime_version": items["runtime_version"],
        "device": items["device"],
        "precision": items["precision"],
        "fingerprint": manifest.fingerprint,
        "identity": dict(items),
        "models": _models(wanted, items),
    }


def _models(wanted: Plan, items: dict[str, str]) -> list[dict[str, Any]]:
    models = wanted.models
    three = (models.detection, models.recognition, models.classifier)
    readers, finders = {"recognition": DEFAULT_READER}, {"detection": DEFAULT_FINDER}
    told = [(spec.role, spec.name, spec.key, readers.get(spec.role), finders.get(spec.role)) for spec in three]
    told += [("recognition", reader.model, reader.key, reader.name, None) for reader in models.readers]
    told += [("detection", finder.net.name, finder.key, None, finder.name) for finder in models.finders]
    languages = models.languages()
    return [
        {
            "role": role,
            "name": name,
            "sha256": items[f"{key}.sha256"],
            "reader": reader,
            "finder": finder,
            "languages": languages[reader] if reader else (),
        }
        for role, name, key, reader, finder in told
    ]


def _planned_to_load(request: EngineRequest) -> Plan:
    """Return the plan, while what the loading waits for is begun."""
    if request.settings.gpu is not None:
        runtime_spec(request.runtime).begin(request.settings)
    return _planned(request)


def _planned(request: EngineRequest, *, ahead: bool = False) -> Plan:
    """Return the plan. Hashing the models for it and importing numpy and OpenCV go on side by side."""
    with ThreadPoolExecutor(1) as aside:
        planned = aside.submit(plan, request, ahead=ahead)
        import_module("ocrspool.engine.loader")
    return planned.result()


def _fetch(request: EngineRequest, source: str, on_stage: OnStage) -> None:
    """Download the published models that are not here."""
    from ocrspool.engine.models.catalog import model  # noqa: PLC0415
    from ocrspool.engine.models.download import fetch  # noqa: PLC0415 - the network's modules, which serving never needs
    from ocrspool.engine.models.http_download import Source  # noqa: PLC0415

    further = [model(choice, "recognition") for _, choice in request.readers]
    further += [model(choice, "detection") for _, choice in request.finders]
    for choice in (request.models, *further):
        fetch(choice, Path(request.cache) / "models", on_stage, request.runtime, Source(source))
