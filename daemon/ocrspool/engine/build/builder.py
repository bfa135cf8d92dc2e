"""From a plan to an engine in the cache: built model by model, compared with a reference, published last.

A build that is killed at any moment leaves whole models behind, and the next build continues from there. An engine that
cannot be proven is not published: a folder without a manifest is not an engine.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from ocrspool import __version__
from ocrspool.engine import further_finders, test_pages
from ocrspool.engine.build import ahead, checkpoints, compare, parallel, reference, requirements, reuse
from ocrspool.engine.build.compare import Parity, ParityError
from ocrspool.engine.build.time_estimates import History
from ocrspool.engine.cache.store import SCHEMA, Manifest, fingerprint, measure
from ocrspool.engine.loader import known_by_reader, load, load_nets, recognizer_of
from ocrspool.engine.stages import OnStage, StageTimer
from ocrspool.engine.test_pages import known_text
from ocrspool.errors import EngineError, EngineMissingError
from ocrspool.formatting import format_duration

if TYPE_CHECKING:
    from ocrspool.engine.plan import Plan
    from ocrspool.engine.spec import NetSpec

    _Proof = tuple["_Known", Parity | None]


def build(plan: Plan, on_stage: OnStage, *, force: bool = False) -> tuple[Manifest, bool]:
    """Make the engine if it is not in the cache, sound. Return its manifest, and whether anything was built.

    Waits for another process that builds the same engine. `force` begins from nothing. Raise EngineError when it
    cannot be built, or does not read as its reference does.
    """
    stages = StageTimer(on_stage)
    with plan.cache.building(plan.identity, on_stage) as folder:
        if force:
            plan.cache.clear(plan.identity)
        elif (manifest := _sound(plan, on_stage)) is not None:
            checkpoints.forget(folder)
            return manifest, False
        kept = _kept(plan)
        others = {} if force else reuse.copied(plan, kept, on_stage)
        try:
            proof = _built_and_proven(plan, {**kept, **others}, stages)
        except (EngineMissingError, ParityError) as error:
            if not others:
                raise
            on_stage(f"{error.message}; building all models, instead of taking some from another engine")
            proof = _built_and_proven(plan, {}, stages)
        known, compared = proof
        manifest = Manifest(
            schema=SCHEMA,
            fingerprint=fingerprint(plan.identity),
            identity=plan.identity,
            files=measure(folder),
            known_text=known.text,
            soft=plan.soft,
            parity=asdict(compared) if compared else {},
            seconds=stages.seconds,
            built_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            built_by=f"ocrspool {__version__}",
            readers=known.readers,
            finders=known.finders,
        )
        plan.cache.publish(plan.identity, manifest)
        checkpoints.forget(folder)
        return manifest, True


def _built_and_proven(plan: Plan, kept: Mapping[str, float], stages: StageTimer) -> _Proof:
    """Build what is not kept, and prove the whole. Raise as `_proven` does; then nothing of it is left."""
    missing = [spec for spec in plan.models if spec.folder not in kept]
    requirements.check(plan, missing, with_reference=not (plan.only_ahead or reference.is_reference(plan)))
    _build_models(plan, kept, stages)
    if plan.only_ahead:
        return _Known([], {}, {}), None
    try:
        return _proven(plan, stages)
    except (EngineMissingError, ParityError):  # the models themselves are at fault: none of them is worth keeping
        plan.cache.clear(plan.identity)
        raise


def _sound(plan: Plan, on_stage: OnStage) -> Manifest | None:
    """Return the manifest of the engine in the cache if it passes the whole proof, None where it has to be built.

    The whole of it, because another version of this program may read the known page otherwise.
    """
    if plan.only_ahead:
        return plan.cache.find(plan.identity) if ahead.sound(plan) else None
    try:
        proven = load(plan, on_stage)
    except EngineMissingError as error:
        on_stage(error.message)
        return None
    proven.recognizer.close()
    return proven.manifest


def _kept(plan: Plan) -> dict[str, float]:
    """Return the models that need not be built again, with the seconds they took; the rest of the folder is gone."""
    try:
        manifest = plan.cache.find(plan.identity)
    except EngineMissingError:
        return checkpoints.keep_sound(plan.folder, [spec.folder for spec in plan.models])
    if measure(plan.folder) == manifest.files:  # whole, and yet not sound: it is of no use
        plan.cache.clear(plan.identity)
        return {}
    checkpoints.checkpoint_from_manifest(plan.folder, manifest)
    return checkpoints.keep_sound(plan.folder, [spec.folder for spec in plan.models])


def _build_models(plan: Plan, kept: Mapping[str, float], stages: StageTimer) -> None:
    """Build the models that are missing; each is on disk and recorded as soon as it is done."""
    history = History(plan.folder.parent)
    missing: list[tuple[NetSpec, str]] = []
    for number, spec in enumerate(plan.models, 1):
        name = f"{spec.key} engine {number}/{len(plan.models)}"
        if spec.folder in kept:
            stages.seconds[spec.folder] = kept[spec.folder]
            stages.on_stage(f"{name} is there already: {spec.name}")
            continue
        missing.append((spec, f"building {name}: {spec.name}{history.in_words(plan.identity, spec)}"))
        shutil.rmtree(plan.folder / spec.folder, ignore_errors=True)
        (plan.folder / spec.folder).mkdir()
    ahead.copied(plan, [spec for spec, _ in missing], stages.on_stage)
    together = plan.settings.provider == "tensorrt" and len(missing) > 1
    for spec, seconds in (_side_by_side if together else _one_by_one)(plan, missing, stages):
        stages.seconds[spec.folder] = round(seconds, 3)
        checkpoints.record(plan.folder, spec.folder, seconds)
        history.add(plan.identity, spec, seconds)


def _one_by_one(plan: Plan, missing: list[tuple[NetSpec, str]], stages: StageTimer) -> Iterator[tuple[NetSpec, float]]:
    runtime = plan.load_runtime()
    for spec, text in missing:
        with stages.stage(spec.folder, text):
            if plan.only_ahead:
                runtime.compile_ahead(spec, plan.folder / spec.folder, plan.settings)
            else:
                runtime.build(spec, plan.folder / spec.folder, plan.settings)
        yield spec, stages.seconds[spec.folder]


def _side_by_side(
    plan: Plan, missing: list[tuple[NetSpec, str]], stages: StageTimer
) -> Iterator[tuple[NetSpec, float]]:
    """Raise what kept a model from being built only when the others are done: the next build need not repeat them."""
    errors = []
    for _, text in missing:
        stages.on_stage(text)
    stages.on_stage(f"building {len(missing)} engines side by side")
    jobs = [(spec, plan.folder / spec.folder) for spec, _ in missing]
    left = len(jobs)
    for spec, outcome in parallel.build(plan.module, jobs, plan.settings):
        left -= 1
        if isinstance(outcome, EngineError):
            errors.append(outcome)
            stages.on_stage(f"{spec.name} could not be built: {outcome}")
        else:
            yield spec, outcome
            stages.on_stage(f"{spec.name} built in {format_duration(outcome)}")
        if left:  # a long stage is told again and again: let it be what goes on, not what is over
            stages.on_stage(f"building the other {left}")
    if errors:
        raise errors[0]


class _Known(NamedTuple):
    """What a new engine reads of the known page: that with which each start proves it."""

    text: list[str]
    readers: dict[str, list[str]]
    """In its lines, by each further reader."""
    finders: dict[str, list[str]]
    """With the lines that each further finder finds."""


def _proven(plan: Plan, stages: StageTimer) -> _Proof:
    """Return what the new engine reads of the known page, and how it compares with its reference.

    The last is None if it is the reference.

    Raise ParityError, or EngineMissingError where it cannot be loaded.
    """
    with stages.stage("check", "reading known pages with the new engine"):
        known, found = _read(plan, stages.on_stage)
    if reference.is_reference(plan):
        compare.check_all_truths("the new engine", found, plan.models)
        return known, None
    with stages.stage("reference"):
        described, expected = reference.reference_readings(plan, stages.on_stage)
    return known, compare.compare_all(described, expected, found)


def _read(plan: Plan, on_stage: OnStage) -> tuple[_Known, compare.ReadingsByKey]:
    """Return what the new engine reads of the known page, as at each start, and on all pages.

    It has gone when this returns: there need not be room for two.
    """
    loaded = load_nets(plan, plan.folder, on_stage, {})
    with recognizer_of(plan, loaded) as recognizer:
        try:
            known = _Known(
                known_text(recognizer), known_by_reader(plan, loaded), further_finders.known_by(plan, recognizer)
            )
            return known, test_pages.read_by_all(recognizer, plan.models.to_be_compared())
        finally:
            recognizer.close_readers()
