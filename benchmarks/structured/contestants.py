"""(no benchmark.) Who makes Markdown of a page: this program, Tesseract by way of its hOCR, and rapid-layout."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from compared.contestant import Program
from compared.peers import environment

_COMMAND = Path(sys.executable).with_name("ocrspool")
_HEADING = "ocr_header"


@dataclass(frozen=True)
class Made:
    """The Markdown of each file, in their order, and the seconds that all of them took."""

    texts: list[str]
    seconds: float


def ours(files: Sequence[Path], folder: Path) -> Made:
    """Let `ocrspool once` make Markdown."""
    began = time.monotonic()
    command: list[str | Path] = [_COMMAND, "once", "--outbox", folder, "--outputs", "md", *files]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    return Made([(folder / f"{file.name}.md").read_text("utf-8") for file in files], seconds)


def layout_seconds(files: Sequence[Path], folder: Path) -> tuple[float, float]:
    """Return the seconds that the blocks of these took, and the reading of the pages; of what `ours` has made."""
    runs = [json.loads((folder / f"{file.name}.json").read_text("utf-8"))["run"]["seconds"] for file in files]
    read = sum(run.get(stage, 0.0) for run in runs for stage in ("detect", "orient", "recognize"))
    return sum(run.get("blocks", 0.0) for run in runs), read


def tesseract(files: Sequence[Path], folder: Path) -> Made:
    """Let Tesseract make hOCR, and take its paragraphs and what it calls headers (these are its headings)."""
    began = time.monotonic()
    texts = []
    for file in files:
        image = _image(file, folder)
        command: list[str | Path] = ["tesseract", image, "stdout", "-l", "eng", "-c", "tessedit_create_hocr=1"]
        made = subprocess.run(command, check=True, capture_output=True)
        texts.append(_markdown(made.stdout))
    return Made(texts, time.monotonic() - began)


def rapid_layout(files: Sequence[Path], folder: Path) -> Made | None:
    """Let RapidOCR read lines, and the net of rapid-layout tell regions. None where it cannot be installed."""
    python = environment("rapid-layout", ["rapidocr", "onnxruntime", "rapid-layout"])
    if python is None:
        return None
    program = Program(python, "layout_rapidocr", [], folder / "rapid-layout.log")
    program.start()
    try:
        began = time.monotonic()
        texts = ["\n\n".join(program.read(_pages(file, folder)).texts) for file in files]
        return Made(texts, time.monotonic() - began)
    finally:
        program.close()


def _pages(file: Path, folder: Path) -> list[Path]:
    """Return the pages of a file, each as an image."""
    if file.suffix != ".pdf":
        return [file]
    import pypdfium2  # noqa: PLC0415 - of few files

    pages = []
    for number, page in enumerate(pypdfium2.PdfDocument(file)):
        pages.append(folder / f"{file.stem}-{number}.png")
        page.render(scale=200 / 72).to_pil().save(pages[-1])
    return pages


def _image(file: Path, folder: Path) -> Path:
    """Return the file as Tesseract can read it: of a PDF, its pages as one TIFF file."""
    if file.suffix != ".pdf":
        return file
    import pypdfium2  # noqa: PLC0415 - of few files

    made = folder / f"{file.stem}.tif"
    first, *others = [page.render(scale=200 / 72).to_pil() for page in pypdfium2.PdfDocument(file)]
    first.save(made, save_all=True, append_images=others, dpi=(200, 200))
    return made


def _markdown(hocr: bytes) -> str:
    root = etree.fromstring(hocr)
    blocks = []
    for paragraph in root.iterfind(".//{*}p[@class='ocr_par']"):
        lines = [(line.get("class"), " ".join("".join(line.itertext()).split())) for line in paragraph]
        text = " ".join(text for _, text in lines if text)
        if text:
            heading = all(kind == _HEADING for kind, _ in lines)
            blocks.append(f"# {text}" if heading else text)
    return "\n\n".join(blocks) + "\n"
