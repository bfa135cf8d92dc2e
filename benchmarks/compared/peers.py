"""Who is compared, and the environments that they need: each its own, so that none changes another's libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compared.contestant import Contestant, Program
from compared.ours import Ours
from support import paddleocr_folders

ENVIRONMENTS = Path("build/peers")
COMMANDS: tuple[tuple[str, str, str, list[str], str], ...] = (
    ("tesseract", "tesseract", "tesseract-ocr", [], "as it is, file by file"),
    ("tesseract-per-core", "tesseract", "tesseract-ocr", ["side-by-side"], "a process per core, one thread each"),
    ("ocrmypdf", "ocrmypdf", "ocrmypdf", [], "a process per core, one thread each"),
)
"""Name, command, Debian's package, arguments of its reader, note."""
PADDLE_MODELS = ("PP-OCRv4_mobile_det", "PP-OCRv4_mobile_rec")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table."""

    name: str
    contestant: Contestant
    note: str = ""
    warms: bool = True
    """Whether a first pass is slower than the next, and therefore told apart."""
    most_files: int | None = None
    """Of each set, and then once: for one so slow that the rest would take all the time there is."""


def entries(scratch: Path, wanted: Callable[[str], bool]) -> Iterator[Entry]:
    """Yield ours, the limit and all peers that are wanted and can be installed; say which cannot, and why."""
    here = Path(sys.executable)
    yield Entry("ocrspool", Ours(scratch / "ours"), "files to JSON, through its service")
    for quality in ("balanced", "fast"):
        if wanted(f"ocrspool-{quality}"):
            yield Entry(f"ocrspool-{quality}", Ours(scratch / quality, quality), f'quality = "{quality}"')
    if wanted("limit"):
        yield Entry("limit", Program(here, "measure_limit", [], scratch / "limit.log"), "nothing but the nets")
    for name, packages, reader, arguments in _libraries(scratch):
        if wanted(name) and (python := environment(name, packages)):
            program = Program(python, reader, arguments, scratch / f"{name}.log")
            yield Entry(name, program, _versions(python, packages))
    if wanted("paddle") and (entry := _paddle(scratch)):
        yield entry
    for name, command, package, options, note in COMMANDS:
        if wanted(name) and _command(command, package):
            program = Program(here, f"read_{command}", options, scratch / f"{name}.log")
            yield Entry(name, program, f"{_version(command)}, {note}", warms=False)


def _libraries(scratch: Path) -> Iterator[tuple[str, list[str], str, list[str | Path]]]:
    """Yield name, packages, reader and its arguments."""
    yield "rapidocr", ["rapidocr", "onnxruntime"], "read_rapidocr", ["onnxruntime"]
    yield "rapidocr-openvino", ["rapidocr", "openvino"], "read_rapidocr", ["openvino"]
    models = scratch / "paddleocr-models"
    models.mkdir()
    folders = paddleocr_folders.made(models)
    yield "paddleocr-onnxruntime", ["paddleocr==3.7.*", "onnxruntime"], "read_paddleocr", ["onnxruntime", *folders]


def _paddle(scratch: Path) -> Entry | None:
    """Return PaddleOCR on PaddlePaddle, with models that are not the others': theirs have no such form here."""
    if not (folder := os.environ.get("OCRSPOOL_MODELS")):
        _missing("paddle", "OCRSPOOL_MODELS names no folder of Paddle models")
        return None
    packages = ["paddleocr==3.7.*", "paddlepaddle==3.3.*"]
    if not (python := environment("paddle", packages)):
        return None
    arguments: list[str | Path] = ["paddle", *(Path(folder, name) for name in PADDLE_MODELS)]
    program = Program(python, "read_paddleocr", arguments, scratch / "paddle.log")
    return Entry("paddle", program, f"{_versions(python, packages)}; PP-OCRv4 mobile, without oneDNN", most_files=2)


def environment(name: str, packages: list[str]) -> Path | None:
    """Return the interpreter of a peer's environment, made now where it is not there."""
    home = (ENVIRONMENTS / name).absolute()
    python, complete = home / "bin" / "python", home / "complete"
    if not complete.exists():
        print(f"installing {', '.join(packages)} into {home}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        install: list[str | Path] = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        if subprocess.run([*install, *packages], check=False).returncode:
            _missing(name, "pip could not install it")
            return None
        complete.touch()
    return python


def _versions(python: Path, packages: list[str]) -> str:
    names = [package.partition("=")[0] for package in packages]
    code = f"from importlib.metadata import version\nprint(', '.join(f'{{n}} {{version(n)}}' for n in {names}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _command(command: str, package: str) -> bool:
    """Tell whether a command is there, installed now by root where it was not."""
    apt_get = shutil.which("apt-get")
    if shutil.which(command) is None and os.geteuid() == 0 and apt_get:
        print(f"installing Debian's {package}", file=sys.stderr, flush=True)
        install = [apt_get, "install", "--quiet", "--yes", "--no-install-recommends", package]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(install, env=environment, check=False, stdout=subprocess.DEVNULL)
    if shutil.which(command) is None:
        _missing(command, f"apt-get install {package}")
        return False
    return True


def _version(command: str) -> str:
    words = subprocess.run([command, "--version"], check=True, capture_output=True, text=True).stdout.split()
    return f"{command} {words[1] if words[0] == command else words[0]}"


def _missing(name: str, why: str) -> None:
    print(f"{name} is left out: {why}", file=sys.stderr, flush=True)
