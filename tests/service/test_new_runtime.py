"""A new runtime is one module and one line: a copy of the program gets one, and the commands know it."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

import ocrspool
from ocrspool.errors import Exit

MODULE = '''\
"""A runtime made for a test: OpenVINO under another name."""

from __future__ import annotations

from dataclasses import dataclass

from ocrspool.engine.runtimes.base import RuntimeSpec
from ocrspool.engine.runtimes.installed_packages import Package, package_folder


@dataclass(frozen=True, kw_only=True)
class _Dummy(RuntimeSpec):
    def find_package(self, _provider="auto"):
        return Package("dummy", "7.1", package_folder("openvino"))


SPEC = _Dummy(name="dummy", module=__name__, package="dummy", extra="onnx", precisions={"cpu": ("f32",)})


def build(spec, folder, settings):
    from ocrspool.engine.runtimes.openvino import net

    net.build(spec, folder, settings)


def load(spec, folder, settings):
    from ocrspool.engine.runtimes.openvino import net

    return net.load(spec, folder, settings)
'''
BEFORE = 'Runtime = Literal["openvino", '
AFTER = 'Runtime = Literal["openvino", "dummy", '
CONFIG = """
[paths]
cache = "cache"
runtime = "run"
[engine]
runtime = "{runtime}"
[inbox.default]
root = "spool"
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The Python of an environment in which the program has a runtime more."""
    original = Path(ocrspool.__file__).parent
    copy = tmp_path / "program" / "ocrspool"
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "engine" / "runtimes" / "dummy.py").write_text(MODULE, "utf-8")
    request = copy / "engine_request.py"
    text = request.read_text("utf-8")
    assert text.count(BEFORE) == 1
    request.write_text(text.replace(BEFORE, AFTER), "utf-8")
    assert sorted(_changed(original, copy)) == ["engine/runtimes/dummy.py", "engine_request.py"]
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    paths = (copy.parent, *(path for path in sys.path if path.endswith("-packages")))
    (packages / "program.pth").write_text("".join(f"{path}\n" for path in paths), "utf-8")
    return environment / "bin" / "python"


def _changed(one: Path, other: Path, below: str = "") -> Iterator[str]:
    """Yield the files that differ or are in one of two trees only, by relative path."""
    found = filecmp.dircmp(one, other, ignore=["__pycache__"])
    yield from (f"{below}{name}" for name in (*found.left_only, *found.right_only, *found.diff_files))
    for name in found.common_dirs:
        yield from _changed(one / name, other / name, f"{below}{name}/")


def _run(program: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [os.fspath(program), "-I", "-m", "ocrspool", *arguments, "--config", "config.toml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_one_module_and_one_line_make_a_runtime(program: Path, tmp_path: Path) -> None:
    """The commands build and prove its engine, list it by its facts, and doctor finds its package."""
    (tmp_path / "config.toml").write_text(CONFIG.format(runtime="dummy"), "utf-8")
    (tmp_path / "spool").mkdir()
    built = _run(program, tmp_path, "prebuild")
    assert built.returncode == 0, built.stderr
    (card,) = json.loads(_run(program, tmp_path, "engines", "ls", "--json").stdout)["engines"]
    identity = card["identity"]
    assert (identity["runtime"], identity["runtime_version"], identity["precision"]) == ("dummy", "7.1", "f32")
    assert card["known_text"]
    findings = json.loads(_run(program, tmp_path, "doctor", "--json").stdout)["findings"]
    runtimes = {found["name"]: found["found"] for found in findings if found["group"] == "runtimes"}
    assert runtimes["dummy"] == "dummy 7.1"


def test_a_runtime_that_is_not_registered_is_refused(program: Path, tmp_path: Path) -> None:
    """The message lists those that are."""
    (tmp_path / "config.toml").write_text(CONFIG.format(runtime="nothing"), "utf-8")
    done = _run(program, tmp_path, "check")
    assert done.returncode == Exit.CONFIG
    for name in ("openvino", "dummy", "onnxruntime", "paddle"):
        assert f"'{name}'" in done.stderr
