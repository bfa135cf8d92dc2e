"""The bill of materials: what it leaves out, what it adds, and that it holds together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "packaging/sbom.py"


@pytest.fixture(scope="module")
def bom(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The bill that the script makes of what CycloneDX's tool says of an environment, in small."""
    said = {
        "metadata": {"component": {"bom-ref": "root", "name": "ocrspool"}},
        "components": [{"bom-ref": f"{name}==1", "name": name} for name in ("numpy", "ocrspool", "pip")],
        "dependencies": [{"ref": "root", "dependsOn": ["numpy==1", "pip==1"]}, {"ref": "numpy==1"}, {"ref": "pip==1"}],
    }
    file = tmp_path_factory.mktemp("bom") / "packages.json"
    file.write_text(json.dumps(said), "utf-8")
    made = subprocess.run([sys.executable, SCRIPT, file], check=True, capture_output=True, text=True)
    completed: dict[str, Any] = json.loads(made.stdout)
    return completed


def test_it_names_the_program_once_with_its_version(bom: dict[str, Any]) -> None:
    """The program is the main component, not one of the parts."""
    assert bom["metadata"]["component"]["version"] == version("ocrspool")
    assert "ocrspool" not in {part["name"] for part in bom["components"]}


def test_what_made_the_environment_is_no_part(bom: dict[str, Any]) -> None:
    """The installer is in every environment, and the program does not use it."""
    assert "pip==1" not in json.dumps(bom)


def test_the_models_are_parts_with_their_digests(bom: dict[str, Any]) -> None:
    """Each model file of the package that carries them is listed with the digest of its bytes."""
    told = {part["name"]: part["hashes"][0]["content"] for part in bom["components"] if "hashes" in part}
    paths = Path(str(files("rapidocr"))).glob("models/*.onnx")
    assert told == {path.stem: sha256(path.read_bytes()).hexdigest() for path in paths}
    assert len(told) >= 3


def test_models_of_a_package_of_ours_are_parts_too(tmp_path: Path) -> None:
    """They lie in a folder that several packages may share, one folder for each model."""
    folder = tmp_path / "ocrspool_models/PP-OCRv6_tiny_rec_onnx"
    folder.mkdir(parents=True)
    (folder / "inference.onnx").write_bytes(b"net")
    said = {"metadata": {"component": {"bom-ref": "root", "name": "ocrspool"}}, "components": [], "dependencies": []}
    (tmp_path / "packages.json").write_text(json.dumps(said), "utf-8")
    command = [sys.executable, os.fspath(SCRIPT), os.fspath(tmp_path / "packages.json")]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{SCRIPT.parents[1] / 'daemon'}"}
    made = json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)
    told = {part["name"]: part["hashes"][0]["content"] for part in made["components"]}
    assert told["PP-OCRv6_tiny_rec_onnx"] == sha256(b"net").hexdigest()
    assert len(told) >= 4


def test_every_reference_leads_somewhere(bom: dict[str, Any]) -> None:
    """What depends on something names a part that is listed."""
    known = {"root"} | {part["bom-ref"] for part in bom["components"]}
    edges = {edge["ref"]: edge["dependsOn"] for edge in bom["dependencies"] if edge.get("dependsOn")}
    assert {*edges, *(ref for refs in edges.values() for ref in refs)} <= known
    assert len(edges["root"]) == len(bom["components"])
