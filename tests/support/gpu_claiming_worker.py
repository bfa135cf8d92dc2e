"""A worker that says it reads on gpu:0, and reads on a CPU: what a machine with a GPU looks like to the service.

Its `main` is run in place of `python -m ocrspool.recognition.child FD` (see worker_replacement). Any other
device is planned as it is.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from ocrspool.engine.cache.store import Manifest
from ocrspool.engine.plan import Plan, plan
from ocrspool.engine_request import EngineRequest
from ocrspool.recognition.child import __main__ as child
from ocrspool.recognition.child import engines

GPU = "gpu:0"
FINGERPRINT = "f" * 16


def main() -> None:
    """Answer the service as the worker does."""
    facts_of = engines.facts_of
    pretends = False

    def planned(request: EngineRequest, *, ahead: bool = False) -> Plan:
        nonlocal pretends
        pretends = request.settings.device == GPU
        if not pretends:
            return plan(request, ahead=ahead)
        return plan(replace(request, settings=replace(request.settings, device="cpu")))

    def facts(wanted: Plan, manifest: Manifest) -> dict[str, Any]:
        more = {"device": "gpu", "fingerprint": FINGERPRINT} if pretends else {}
        return {**facts_of(wanted, manifest), **more}

    engines.plan, engines.facts_of = planned, facts  # type: ignore[attr-defined] # what the module has imported
    sys.argv = sys.argv[1:]
    child.main()
