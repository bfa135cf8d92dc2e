"""PaddleOCR's own catalogue of models, where its package is installed: which there are, and how one is fetched.

`paddlex`, which `paddleocr` stands on, knows every published model and several hosts. It is asked in a process of its
own, for `prebuild` only: its import takes seconds and brings many libraries. What it fetches is taken over as if it had
been downloaded here: only the files that make a model, and pinned.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ocrspool.errors import EngineError

_SECONDS = 1800.0
"""A large set over a slow line."""
_ASK = """\
import json, sys
from paddlex.inference.utils.official_models import official_models
name, form = sys.argv[1:3]
if name not in official_models.model_list:
    print(json.dumps({"unknown": True}))
else:
    print(json.dumps({"folder": str(official_models.get_model_path(name, model_formats=[form]))}))
"""
_MOST_SAID = 500
"""Characters of what the other program says of a failure."""


def fetch(name: str, folder: Path, *, onnx: bool) -> Path | None:
    """Let the catalogue fetch a model into a folder below `folder`. Return that; None if it does not know the model.

    Raise EngineError where it fails.
    """
    # Beside its downloads it writes fonts and locks; all of that goes with the folder.
    variables = {**os.environ, "PADDLE_PDX_CACHE_HOME": os.fspath(folder), "HOME": os.fspath(folder)}
    command = [sys.executable, "-c", _ASK, name, "onnx" if onnx else "paddle"]
    try:
        run = subprocess.run(
            command, env=variables, check=False, capture_output=True, encoding="utf-8", timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(name, f"it took longer than {_SECONDS:.0f} s") from error
    if run.returncode:
        raise _failed(name, " ".join(run.stderr.split())[-_MOST_SAID:])
    try:
        answer = json.loads(run.stdout.splitlines()[-1])
        return None if answer.get("unknown") else Path(answer["folder"])
    except (ValueError, LookupError, TypeError) as error:
        raise _failed(name, "it gave no answer") from error


def _failed(name: str, why: str) -> EngineError:
    return EngineError(
        f"PaddleOCR cannot fetch {name}: {why}",
        "check network and proxy (https_proxy) and try again; or put the files of the model there by hand",
    )
