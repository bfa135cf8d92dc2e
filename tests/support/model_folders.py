"""Folders that look like PaddleOCR's models: a real inference.yml, and files of no content beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ONNX = ("inference.onnx",)
PIR = ("inference.json", "inference.pdiparams")
PROGRAM = ("inference.pdmodel", "inference.pdiparams")

DETECTION = """\
Global: {{model_name: {name}}}
PreProcess:
  transform_ops:
  - DecodeImage: {{channel_first: false, img_mode: BGR}}
  - DetResizeForTest: null
  - NormalizeImage:
      mean: [0.485, 0.456, 0.406]
      order: hwc
      scale: 1./255.
      std: [0.229, 0.224, 0.225]
PostProcess: {{name: DBPostProcess, thresh: 0.3, box_thresh: 0.6, max_candidates: 1000, unclip_ratio: 1.5}}
"""

RECOGNITION = """\
Global: {{model_name: {name}}}
PreProcess:
  transform_ops:
  - DecodeImage: {{channel_first: false, img_mode: BGR}}
  - MultiLabelEncode: {{gtc_encode: NRTRLabelEncode}}
  - RecResizeImg: {{image_shape: [3, 48, 320]}}
PostProcess: {{name: CTCLabelDecode, character_dict: [a, 'no', no, 1, '''', ' ', ~]}}
"""

CLASSIFIER = """\
Global: {{model_name: {name}}}
PreProcess:
  transform_ops:
  - ResizeImage: {{size: [160, 80]}}
  - NormalizeImage:
      channel_num: 3
      mean: [0.485, 0.456, 0.406]
      order: ''
      scale: 0.00392156862745098
      std: [0.229, 0.224, 0.225]
  - ToCHWImage: null
PostProcess: {{Topk: {{topk: 1, label_list: [0_degree, 180_degree]}}}}
"""


def yml(name: str) -> str:
    """The description that belongs to an official name."""
    form = DETECTION if name.endswith("_det") else CLASSIFIER if name.endswith("_ori") else RECOGNITION
    return form.format(name=name)


def contents(name: str, kind: tuple[str, ...] = ONNX) -> dict[str, bytes]:
    """The files of a model, by name."""
    return {"inference.yml": yml(name).encode(), **{file: f"{file} of {name}".encode() for file in kind}}


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a new folder."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder
