"""From a plan to a working engine: built once, loaded ever after, and proven to be loaded.

The proof, in this order: the manifest exists; every file hashes to what it says; the runtime says that it loaded
and did not build; a known page, which takes all three nets, reads as it did when the engine was built;
and no file of the engine has changed meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import resources
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ocrspool import __version__
from ocrspool.engine import models
from ocrspool.engine.cache import HINT, SCHEMA, Manifest, fingerprint, measure, stamps
from ocrspool.engine.recognizer import Nets, Recognizer
from ocrspool.errors import EngineError, EngineMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocrspool.engine.net import Net, NetSpec, Pixels
    from ocrspool.engine.plan import Plan

OnStage = Callable[[str], None]


@dataclass(slots=True)
class Stages:
    """Times the stages of a start and tells what is going on."""

    on_stage: OnStage
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, text: str = "") -> Iterator[None]:
        """Time what happens inside under `name`; announce it as `text`, where it does not announce itself."""
        if text:
            self.on_stage(text)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)


def build(plan: Plan, on_stage: OnStage, *, force: bool = False) -> tuple[Manifest, bool]:
    """Make the engine if it is not in the cache, sound. Return its manifest, and whether anything was built.

    Waits for another process that builds the same engine. Raise EngineError when it cannot be built.
    """
    with plan.cache.building(plan.identity) as folder:
        if not force and (manifest := _sound(plan, on_stage)) is not None:
            return manifest, False
        plan.cache.clear(plan.identity)
        stages = Stages(on_stage)
        runtime = plan.load_runtime()
        for number, spec in enumerate(plan.models, 1):
            with stages.stage(spec.name, f"building {spec.role} engine {number}/3: {spec.name}"):
                (folder / spec.name).mkdir()
                runtime.build(spec, folder / spec.name, plan.settings)
        with stages.stage("check", "reading the known page with the new engine"):
            recognizer = _open(plan, on_stage)
            known_text = _read_known_page(recognizer)
            recognizer.close()
        manifest = Manifest(
            schema=SCHEMA,
            fingerprint=fingerprint(plan.identity),
            identity=plan.identity,
            files=measure(folder),
            known_text=known_text,
            soft=plan.soft,
            parity={},
            seconds=stages.seconds,
            built_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            built_by=f"ocrspool {__version__}",
        )
        plan.cache.publish(plan.identity, manifest)
        return manifest, True


def load(plan: Plan, on_stage: OnStage) -> tuple[Recognizer, Manifest, dict[str, float]]:
    """Load the engine out of the cache and prove it. Return also the seconds that each stage took.

    Raise EngineMissingError when it is not there, differs or is damaged; nothing is ever built here.
    """
    stages = Stages(on_stage)
    manifest = plan.cache.find(plan.identity)
    before = stamps(plan.folder)
    with ThreadPoolExecutor(1) as aside:  # hashing needs no interpreter lock, so it costs no time beside the loading
        verified = aside.submit(plan.cache.verify, plan.identity, manifest)
        with stages.stage("runtime", f"loading the {plan.runtime} library"):
            plan.load_runtime()
        with stages.stage("verify", "verifying the engine's files"):
            verified.result()
    with stages.stage("load"):
        recognizer = _open(plan, on_stage)
    with stages.stage("warm-up", "warming up"):
        found = _read_known_page(recognizer)
    if found != manifest.known_text:
        recognizer.close()
        raise EngineMissingError(
            f"the engine in {plan.folder} reads the known page as {found}, not {manifest.known_text}", HINT
        )
    if stamps(plan.folder) != before:
        recognizer.close()
        raise EngineMissingError(f"loading changed files in {plan.folder}: the engine was built, not loaded", HINT)
    return recognizer, manifest, stages.seconds


def _open(plan: Plan, on_stage: OnStage) -> Recognizer:
    """Load the three nets, side by side."""
    runtime = plan.load_runtime()

    def net(spec: NetSpec) -> Net:
        return runtime.load(spec, plan.folder / spec.name, plan.settings)

    nets: list[Net] = []
    with ThreadPoolExecutor(3) as threads:
        for number, (spec, loading) in enumerate([(spec, threads.submit(net, spec)) for spec in plan.models], 1):
            on_stage(f"loading {spec.role} engine {number}/3: {spec.name}")
            nets.append(loading.result())
    return Recognizer(Nets(*nets), models.characters(plan.models.recognition))


def _sound(plan: Plan, on_stage: OnStage) -> Manifest | None:
    """Return the manifest of the engine in the cache if it passes the whole proof, None where it has to be built.

    The whole of it, because another version of this program may read the known page otherwise.
    """
    try:
        recognizer, manifest, _ = load(plan, on_stage)
    except EngineMissingError as error:
        on_stage(error.message)
        return None
    recognizer.close()
    return manifest


def _read_known_page(recognizer: Recognizer) -> list[str]:
    data = resources.files("ocrspool").joinpath("data/known-page.png").read_bytes()
    page: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)  # type: ignore[assignment]
    if page is None:
        raise EngineError("the known page in the installation is damaged", "install ocrspool again")
    return [line.text for line in recognizer.recognize([page], ["auto"])[0].lines]
