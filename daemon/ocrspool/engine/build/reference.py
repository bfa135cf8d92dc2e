"""The reference of a new engine: the same models and runtime on the CPU in f32, made for the comparison only."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from ocrspool.engine import identity, test_pages
from ocrspool.engine.build import compare
from ocrspool.engine.loader import load_nets, recognizer_of
from ocrspool.engine.plan import Plan, cpu_runtime, installed_version, on_cpu
from ocrspool.engine.shapes import profiled
from ocrspool.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.stages import OnStage

_FOLDER = "reference"
"""In the folder of the engine that is being built: the same lock covers it, and the next build removes it."""


def is_reference(plan: Plan) -> bool:
    """Tell whether an engine of this plan would be compared with itself."""
    return plan.settings.gpu is None and plan.settings.precision == "f32"


def reference_readings(plan: Plan, on_stage: OnStage) -> tuple[str, compare.ReadingsByKey]:
    """Return the reference of a planned engine in words, and what it reads on the pages of the gate.

    Raise EngineError when it cannot be had, or reads nonsense itself.
    """
    runtime = cpu_runtime(plan.runtime)
    described = f"{runtime} {installed_version(runtime)} in f32 on the cpu"
    on_stage(f"comparing the new engine with {described}")
    try:
        plan = _planned(plan)
        found = _built_and_read(plan, plan.folder / _FOLDER)
        compare.check_all_truths("it", found, plan.models)
    except EngineError as error:
        raise EngineError(
            f"the new engine is not used, because it cannot be compared: its reference, {described}, fails: "
            f"{error.message}",
            error.hint,
        ) from error
    finally:
        shutil.rmtree(plan.folder / _FOLDER, ignore_errors=True)
    return described, found


def _planned(plan: Plan) -> Plan:
    """Return the plan of the reference: the same shapes, so that lines are cut and pages scaled alike."""
    asked = replace(on_cpu(plan.settings), precision="f32", line_width=plan.settings.line_width)
    runtime = cpu_runtime(plan.runtime)
    settings = identity.resolved(runtime, asked)
    return replace(plan, runtime=runtime, models=profiled(plan.models, settings), settings=settings)


def _built_and_read(plan: Plan, folder: Path) -> compare.ReadingsByKey:
    runtime = plan.load_runtime()
    for spec in plan.models:
        (folder / spec.folder).mkdir(parents=True)
        runtime.build(spec, folder / spec.folder, plan.settings)
    with recognizer_of(plan, load_nets(plan, folder, lambda _: None, {})) as recognizer:
        try:
            return test_pages.read_by_all(recognizer, plan.models.to_be_compared())
        finally:
            recognizer.close_readers()
