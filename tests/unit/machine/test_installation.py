"""What messages say about adding a runtime: what is right for how the program was installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ocrspool.machine import installation
from ocrspool.machine.installation import Installation

DAEMON = Path(installation.__file__).parent
NAMES_OURS = re.compile(r"""pip\s+install\s+["']*ocrspool|ocrspool\[\w""")
"""Words that send people to a package index for our name, which somebody else may have there."""


def test_no_message_asks_an_index_for_our_name() -> None:
    """Nowhere in the program's text: the name is free, and what is installed by it runs as root."""
    found = [path for path in DAEMON.rglob("*.py") if NAMES_OURS.search(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "text", ['pip install "ocrspool[onnx]"', "pip install ocrspool", 'for a GPU "ocrspool[onnx-gpu]"']
)
def test_the_words_are_seen(text: str) -> None:
    """The test above would be blind otherwise."""
    assert NAMES_OURS.search(text)


def installed(prefix: Path, code: Path) -> Installation:
    """Return what is found of a program with this environment and its code there."""
    code = code / "ocrspool/installation.py"
    return installation.find(prefix, code, prefix.parent / "packaged", (prefix / "containerenv",), prefix / "systemd")


def test_by_the_script(tmp_path: Path) -> None:
    """scripts/install leaves a note in the environment; a runtime is added by it, and upgrades keep that."""
    (tmp_path / "with").write_text("\n")
    found = installed(tmp_path, tmp_path / "lib/python3/site-packages")
    assert found.kind == "script"
    assert found.add("onnx-gpu").endswith("sudo scripts/install --with onnx-gpu")
    assert found.replace("onnxruntime", "onnx-gpu") == found.add("onnx-gpu")


def test_tesseract_is_added_beside_the_runtime_that_is_there(tmp_path: Path) -> None:
    """The script replaces what it is not told again."""
    for before, advised in (("", "tesseract"), ("onnx-gpu", "onnx-gpu,tesseract"), ("tesseract", "tesseract")):
        (tmp_path / "with").write_text(f"{before}\n")
        found = installed(tmp_path, tmp_path / "lib/python3/site-packages")
        assert found.add("tesseract").endswith(f"--with {advised}")


def test_in_a_container(tmp_path: Path) -> None:
    """An image is not changed, but built anew."""
    (tmp_path / "with").write_text("\n")
    (tmp_path / "containerenv").touch()
    assert (
        installed(tmp_path, tmp_path / "lib").add("paddle-gpu") == "build the image with --build-arg EXTRA=paddle-gpu"
    )


def test_in_a_container_that_is_a_machine(tmp_path: Path) -> None:
    """Where systemd runs in a container, scripts/install has put the program there, and adds to it."""
    (tmp_path / "with").write_text("\n")
    (tmp_path / "containerenv").touch()
    (tmp_path / "systemd").mkdir()
    assert installed(tmp_path, tmp_path / "lib").kind == "script"


def test_from_the_package(tmp_path: Path) -> None:
    """The package cannot have another runtime: it says what can."""
    found = installed(tmp_path / "packaged", tmp_path / "packaged/lib/python3/site-packages")
    assert found.kind == "package"
    assert "apt-get remove ocrspool" in found.add("onnx")
    assert "scripts/install --with onnx" in found.add("onnx")


def test_in_a_checkout() -> None:
    """This is one: its own environment gets the extra from its own folder."""
    found = installation.find()
    root = Path(__file__).parents[3]
    assert (found.kind, found.checkout) == ("checkout", root)
    assert found.add("paddle").endswith(f"-m pip install '{root}[paddle]'")
    assert "pip uninstall onnxruntime, and then run: " in found.replace("onnxruntime", "onnx-gpu")


def test_in_an_environment(tmp_path: Path) -> None:
    """A wheel in somebody's environment: a checkout is where extras come from."""
    found = installed(tmp_path / "venv", tmp_path / "venv/lib/python3/site-packages")
    assert found.kind == "environment"
    assert found.add("onnx") == f"run: {tmp_path}/venv/bin/python -m pip install '.[onnx]', in a checkout of ocrspool"


@pytest.mark.parametrize("kind", ["script", "package", "image", "checkout", "environment"])
def test_each_kind_has_advice(kind: str, tmp_path: Path) -> None:
    """None of them names our name to an index, and each says something to run or to build."""
    found = Installation(kind, tmp_path, tmp_path)  # type: ignore[arg-type] # parametrized
    for advice in (found.add("onnx"), found.replace("onnxruntime", "onnx-gpu"), found.repair()):
        assert not NAMES_OURS.search(advice)
        assert "run" in advice or "build" in advice or "make" in advice
