"""PaddleOCR's catalogue: asked in a process of its own by prebuild only, and what it fetches is pinned like the rest.

A package of the same name as PaddleX, with the one function that is used, stands for it. The real one is 3.7's: names
and signatures are those of paddlex/inference/utils/official_models.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ocrspool.engine.models import catalog, download, model_set, reader_choice
from ocrspool.engine.models.http_download import Source
from ocrspool.errors import ConfigError, EngineError
from support import model_folders

_OFFICIAL = """\
import os
from pathlib import Path
class Manager:
    model_list = [*CONTENTS, "broken_PP-OCRv7_mobile_rec"]
    def get_model_path(self, name, *, model_formats=None):
        assert model_formats == ["onnx"], model_formats
        if name.startswith("broken"):
            raise Exception("No model source is available!")
        folder = Path(os.environ["PADDLE_PDX_CACHE_HOME"]) / "official_models" / f"{name}_onnx"
        folder.mkdir(parents=True)
        for file, data in CONTENTS[name].items():
            (folder / file).write_bytes(data)
        print("a library that prints")
        return folder
official_models = Manager()
"""


@pytest.fixture
def paddleocr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the package that stands for PaddleX."""
    package = tmp_path / "site/paddlex/inference/utils"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    names = ("PP-OCRv7_mobile_det", "eslav_PP-OCRv7_mobile_rec", "PP-LCNet_x0_25_textline_ori")
    contents = {name: {**model_folders.contents(name), "README.md": b"not needed"} for name in names}
    (package / "official_models.py").write_text(f"CONTENTS = {contents!r}\n{_OFFICIAL}", "utf-8")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))


@pytest.mark.usefixtures("paddleocr")
def test_a_set_that_is_newer_than_our_table_is_fetched_and_pinned(tmp_path: Path) -> None:
    folder, said = tmp_path / "models", list[str]()
    download.fetch("eslav_PP-OCRv7_mobile", folder, said.append, "openvino")
    assert said[0] == "fetching PP-OCRv7_mobile_det with the catalogue of PaddleOCR"
    found = model_set.find("eslav_PP-OCRv7_mobile", folder, "openvino")
    assert (found.detection.name, found.recognition.name) == ("PP-OCRv7_mobile_det", "eslav_PP-OCRv7_mobile_rec")
    inside = folder / "eslav_PP-OCRv7_mobile_rec_onnx"
    assert {path.name for path in inside.iterdir()} == {"inference.onnx", "inference.yml", "pinned.json"}
    assert json.loads((inside / "pinned.json").read_text("utf-8"))["url"] == "the catalogue of PaddleOCR"
    assert not [path for path in folder.iterdir() if path.name.endswith(".part")]
    (inside / "inference.onnx").write_bytes(b"x" * (inside / "inference.onnx").stat().st_size)
    with pytest.raises(EngineError, match="has changed: sha256"):
        download.fetch("eslav_PP-OCRv7_mobile", folder, said.append, "openvino")


@pytest.mark.usefixtures("paddleocr")
@pytest.mark.parametrize("choice", ["eslav_PP-OCRv7_mobile", "eslav_PP-OCRv7_mobile_rec"])
def test_a_reader_fetches_its_recognition_model_only(tmp_path: Path, choice: str) -> None:
    folder = tmp_path / "models"
    download.fetch(catalog.model(choice, "recognition"), folder, lambda _: None, "openvino")
    assert {path.name for path in folder.iterdir()} == {".lock", "eslav_PP-OCRv7_mobile_rec_onnx"}
    assert reader_choice.find("russian", choice, folder, "openvino").model == "eslav_PP-OCRv7_mobile_rec"


@pytest.mark.usefixtures("paddleocr")
def test_what_it_cannot_fetch_is_told_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"PaddleOCR cannot fetch broken_PP-OCRv7_mobile_rec: .*No model source"):
        download.fetch("broken_PP-OCRv7_mobile_rec", tmp_path, lambda _: None, "openvino")


@pytest.mark.usefixtures("paddleocr")
def test_another_source_of_models_is_used_as_it_is_set(tmp_path: Path) -> None:
    """An administrator who has a mirror of his own is not sent to other hosts."""
    with pytest.raises(EngineError, match=r"cannot be downloaded from http://127\.0\.0\.1:9/"):
        download.fetch(
            "eslav_PP-OCRv7_mobile_rec", tmp_path, lambda _: None, "openvino", Source("http://127.0.0.1:9", attempts=1)
        )


def test_without_it_only_our_table_is_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are no models 'eslav_PP-OCRv7_mobile'"):
        model_set.find("eslav_PP-OCRv7_mobile", tmp_path, "openvino")


@pytest.mark.usefixtures("paddleocr")
def test_it_is_never_imported_to_serve(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ocrspool.engine.models import model_set, reader_choice, catalog\n"
        "catalog.find('eslav_PP-OCRv7_mobile'); import ocrspool.engine.loader; print('paddlex' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "False"
