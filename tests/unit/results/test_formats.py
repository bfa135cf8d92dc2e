"""An output is a module in render/ and one line in the registry: everything else follows from that line."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ocrspool
from ocrspool.config.schema import Inbox
from ocrspool.results.formats import FORMATS, JSON, SUFFIXES, Format

CODE = Path(ocrspool.__file__).parent
LAST = '    Format("alto", ".xml", "ocrspool.render.alto"),\n'
LINE = '    Format("dummy", ".dmy", "ocrspool.render.dummy"),\n'
MODULE = '''"""A dummy."""

from __future__ import annotations

from ocrspool.results.schema import Document


def render(document: Document) -> bytes:
    """Return the text backwards."""
    return document.text[::-1].encode()
'''
PAGES_LINE = '    Format("dummy", ".dmy", "ocrspool.render.dummy", page_side=500),\n'
PAGES_MODULE = '''"""A dummy that shows pages."""

from __future__ import annotations

from typing import BinaryIO

from ocrspool.render.page_picture import ShownPages
from ocrspool.results.schema import Document


def write_pages(document: Document, pages: ShownPages, file: BinaryIO) -> bool:
    """Write the picture of the first page."""
    file.write(pages.picture(document.pages[0], 50).data)
    return True
'''
USE_PAGES = """
import os, sys
from pathlib import Path
from support import sample_files
from support.sample_documents import document, page
from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits
from ocrspool.decoding.child.page_outputs import write_view
from ocrspool.render import json

root = Path(sys.argv[1])
root.mkdir()
(root / "a.png").write_bytes(sample_files.png())
(root / "a.json").write_bytes(json.render(document(page())))
opened = Document(os.open(root / "a.png", os.O_RDONLY), PageLimits(dpi=100, pages=9, megapixels=9, side=500))
result, target = os.open(root / "a.json", os.O_RDONLY), os.open(root / "a.dmy", os.O_RDWR | os.O_CREAT)
print(write_view("dummy", opened, result, target), (root / "a.dmy").read_bytes()[:3])
"""
USE = """
import json, sys
from pathlib import Path
from ocrspool.audit.auditor import look_once
from ocrspool.audit.outbox_checks import Results
from ocrspool.cli.main import main
from ocrspool.config.current import CurrentConfig
from ocrspool.config.job_options import options_of
from ocrspool.config.schema import Config, Inbox, Profile
from ocrspool.decoding.stub import PreparedDocument, StubDecoderPool
from ocrspool.observability.statistics import JobStatistics
from ocrspool.pipeline.pipeline import Pipeline
from ocrspool.spool.disk_steps import DiskSteps
from ocrspool.spool.monitored_spool import MonitoredSpool
from ocrspool.spool.spool import Spool
from support.sample_results import ENGINE
from support.sample_spools import take
from ocrspool.recognition.stub import StubRecognizer
from support.stub_pages import text

root = Path(sys.argv[1])
inbox = Inbox.model_validate({"root": root, "outputs": ["json", "dummy", "txt"]})
spool = Spool("default", inbox.folders(), inbox.delivery())
spool.open()
document = StubDecoderPool(lambda _: PreparedDocument())
reader = StubRecognizer(lambda _: text("forwards"))
pipeline = Pipeline(CurrentConfig(Config()), document, reader, ENGINE, JobStatistics())
store = MonitoredSpool(spool, DiskSteps())
pipeline.run(take(spool, "a.png"), store, options_of(inbox, Profile()))
findings = look_once(spool, results=Results(thorough=True)).findings
spool.close()
found = json.loads((root / "outbox/a.png.json").read_bytes())
outbox = {path.name: path.read_text() for path in (root / "outbox").iterdir() if path.is_file()}
print(json.dumps([found["outputs"], outbox["a.png.dmy"], [str(finding) for finding in findings]]))
main(["once", "--help"])
"""


def changed(one: Path, other: Path) -> list[str]:
    """Return the files of one tree that another one has not, or has with other content."""
    files = [os.fspath(path.relative_to(one)) for path in one.rglob("*.py")]
    same, _, _ = filecmp.cmpfiles(one, other, files, shallow=False)
    return sorted(set(files) - set(same))


@pytest.mark.parametrize("output", FORMATS, ids=lambda output: output.name)
def test_each_has_what_makes_it(output: Format) -> None:
    """A text output is made of the document alone. No suffix is longer than the one that names have room for."""
    module = output.module()
    assert output.needs_pages == hasattr(module, "write_pages")
    assert output.needs_pages != hasattr(module, "render")
    assert len(output.suffix) <= len(".json")


def test_names_and_suffixes_are_told_apart() -> None:
    """No two outputs have the same file, and none has that of the result."""
    assert len(set(SUFFIXES.values()) | {".json"}) == len(FORMATS) + 1
    assert JSON not in SUFFIXES


def test_the_configuration_takes_the_names_of_the_registry() -> None:
    """All of them, and no other."""
    assert Inbox(root=Path("/s"), outputs=(JSON, *SUFFIXES)).outputs == (JSON, *SUFFIXES)
    with pytest.raises(ValueError, match="Input should be"):
        Inbox(root=Path("/s"), outputs=("dummy",))


def with_output(tmp_path: Path, line: str, module: str) -> Path:
    """Return a copy of the program with one output more, and see to it that this takes two files."""
    tree = tmp_path / "tree" / "ocrspool"
    shutil.copytree(CODE, tree, ignore=shutil.ignore_patterns("__pycache__"))
    registry = tree / "results/formats.py"
    registry.write_text(registry.read_text("utf-8").replace(LAST, LAST + line), "utf-8")
    (tree / "render/dummy.py").write_text(module, "utf-8")
    assert changed(tree, CODE) == ["render/dummy.py", "results/formats.py"]
    assert changed(CODE, tree) == ["results/formats.py"]
    return tree.parent


def use(tree: Path, code: str, folder: Path) -> str:
    """Return what this code prints, run by that copy of the program and with the helpers of the tests."""
    path = os.pathsep.join(map(os.fspath, (tree, Path(__file__).parents[2])))
    used = subprocess.run(
        [sys.executable, "-c", code, folder],
        env={**os.environ, "PYTHONPATH": path},
        check=False,
        capture_output=True,
        text=True,
    )
    assert used.returncode == 0, used.stderr
    return used.stdout


def test_a_new_output_touches_two_files(tmp_path: Path) -> None:
    """With these it is configured, made, delivered, found by the audit, and named in the help of `once`."""
    tree = with_output(tmp_path, LINE, MODULE)
    made, _, usage = use(tree, USE, tmp_path / "spool").partition("\n")
    outputs, text, findings = json.loads(made)
    assert outputs == [{"format": "txt", "suffix": ".txt"}, {"format": "dummy", "suffix": ".dmy"}]
    assert text == "sdrawrof"
    assert findings == []
    assert "txt,md,csv,tsv,hocr,alto,dummy,html,pdf" in usage.replace("\n", "").replace(" ", "")


def test_a_new_output_that_shows_pages_touches_two_files(tmp_path: Path) -> None:
    """The code of a decoder makes it, in this process: a decoder that is started runs the installed program."""
    tree = with_output(tmp_path, PAGES_LINE, PAGES_MODULE)
    assert use(tree, USE_PAGES, tmp_path / "files") == "True b'\\xff\\xd8\\xff'\n"
