"""The bill of materials of an environment, with what no package index knows of: the version of ours and the models.

packaging/sbom.py FILE, run by the interpreter of the environment; FILE is what `cyclonedx-py environment` says of it.
The format is CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ocrspool.engine.models import brought_along, model_set

Component = dict[str, Any]

_INSTALLERS = {"pip", "setuptools", "wheel"}
"""They are in an environment because it was made with them. The program never runs them."""


def completed(bom: dict[str, Any], models: Iterator[Component]) -> dict[str, Any]:
    """Return the bill without the installers and without a second entry of ours, and with the models."""
    ours = bom["metadata"]["component"]
    ours["version"] = version("ocrspool")
    left_out = {part["bom-ref"] for part in bom["components"] if part["name"] in {*_INSTALLERS, "ocrspool"}}
    added = list(models)
    parts = [part for part in bom["components"] if part["bom-ref"] not in left_out]
    edges = [edge for edge in bom["dependencies"] if edge["ref"] not in left_out]
    for edge in edges:
        edge["dependsOn"] = [ref for ref in edge.get("dependsOn", ()) if ref not in left_out]
        if edge["ref"] == ours["bom-ref"]:
            edge["dependsOn"] += [part["bom-ref"] for part in added]
    edges += [{"ref": part["bom-ref"]} for part in added]
    return {**bom, "components": [*parts, *added], "dependencies": edges}


def bundled_models() -> Iterator[Component]:
    """Yield each model file that packages carry: of the wheel of rapidocr, and of packages of models of ours."""
    beside = {path.parent for net in model_set.bundled() for path in net.files}
    wheel = {path.stem: path for folder in beside for path in folder.glob("*.onnx")}
    ours = {path.parent.name: path for folder in brought_along.folders() for path in folder.glob("*/*.onnx")}
    for name, path in sorted({**wheel, **ours}.items()):
        yield {
            "bom-ref": f"model:{name}",
            "type": "machine-learning-model",
            "name": name,
            "supplier": {"name": "the PaddlePaddle authors"},
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "hashes": [{"alg": "SHA-256", "content": sha256(path.read_bytes()).hexdigest()}],
        }


if __name__ == "__main__":
    json.dump(completed(json.loads(Path(sys.argv[1]).read_text()), bundled_models()), sys.stdout, indent=2)
