"""docs/consuming.md, followed to the letter: its programs run on a result of `ocrspool once`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pytest

from support import drawn_pages
from support.daemon_process import ocrspool

PAGE = Path(__file__).parents[2] / "docs" / "consuming.md"
PROGRAMS: dict[str, str] = dict(
    re.findall(
        r"^## ([^\n]+)\n(?:(?!^## ).)*?^```(?:python|sh)\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
)
"""The program of each section, by its heading."""


@dataclass(frozen=True)
class Read:
    """A PDF of one scanned page, and its result."""

    source: Path
    result: Path


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Read:
    folder = tmp_path_factory.mktemp("consuming")
    config = folder / "ocrspool.toml"
    config.write_text(f"[paths]\ncache = '{engine_cache}'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n")
    drawn_pages.page("Invoice for Miller", "Total 1.234,56").save(folder / "scan.pdf", "PDF", resolution=200)
    ended = ocrspool("once", folder / "scan.pdf", "--outbox", folder, "--config", config)
    assert ended.returncode == 0, ended.stderr
    return Read(folder / "scan.pdf", folder / "scan.pdf.json")


def output_of(heading: str, *arguments: Path | str, folder: Path) -> str:
    """Run the Python program of a section, with our `ocrspool` in the path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "-c", PROGRAMS[heading], *arguments],
        check=True, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip


def test_every_section_is_run() -> None:
    """A new section gets its test here."""
    assert set(PROGRAMS) == {
        "Python", "Shell", "Check a result against the schema", "React to each new result",
        "Highlight a search hit on the page", "Black out words", "Find the source of a result",
    }  # fmt: skip


def test_python(read: Read, tmp_path: Path) -> None:
    """It prints words that are not sure; of a copy in which all are so, all of them."""
    unsure = json.loads(read.result.read_bytes())
    words = [word for page in unsure["pages"] for line in page["lines"] for word in line["words"]]
    for word in words:
        word["confidence"] = 0.5
    (tmp_path / "unsure.json").write_text(json.dumps(unsure))
    printed = output_of("Python", tmp_path / "unsure.json", folder=tmp_path).splitlines()
    assert [line.split()[-2] for line in printed] == ["Invoice", "for", "Miller", "Total", "1.234,56"]


def shell_says(heading: str, folder: Path) -> str:
    """Run the shell program of a section."""
    return subprocess.run(
        ["/bin/sh", "-e", "-c", PROGRAMS[heading]], check=True, cwd=folder, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_the_source_of_a_result(read: Read, tmp_path: Path) -> None:
    """`once` leaves sources where they are, so this result names none; one of a service names its own."""
    found = json.loads(read.result.read_bytes())
    assert found["run"]["done_as"] is None
    found["run"]["done_as"] = "letters/scan~20261127T173456-d7fe7cc4.pdf"
    (tmp_path / "result.json").write_text(json.dumps(found))
    assert shell_says("Find the source of a result", tmp_path) == "letters/scan~20261127T173456-d7fe7cc4.pdf\n"


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_shell(read: Read, tmp_path: Path) -> None:
    shutil.copy(read.result, tmp_path / "result.json")
    said = shell_says("Shell", tmp_path)
    assert "page 1: Invoice for Miller" in said
    assert said.splitlines()[-1].startswith("1.234,56\t")


def test_schema(read: Read, tmp_path: Path) -> None:
    """A real result is valid, and one that lacks something is not."""
    heading = "Check a result against the schema"
    assert output_of(heading, read.result, folder=tmp_path) == "valid\n"
    broken = json.loads(read.result.read_bytes())
    del broken["source"]["sha256"]
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    with pytest.raises(subprocess.CalledProcessError):
        output_of(heading, tmp_path / "broken.json", folder=tmp_path)


def test_watcher(read: Read, tmp_path: Path) -> None:
    """It sees what was there before it, what is renamed into place, and what lies in a folder."""
    (tmp_path / "sub").mkdir()
    shutil.copy(read.result, tmp_path / "before.json")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAMS["React to each new result"], tmp_path], stdout=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stdout is not None
        try:
            assert watcher.stdout.readline() == "before.json 1\n"
            shutil.copy(read.result, tmp_path / "sub/.part")
            (tmp_path / "sub/.part").rename(tmp_path / "sub/after.json")
            assert watcher.stdout.readline() == "after.json 1\n"
        finally:
            watcher.kill()


def test_search_engine(read: Read, tmp_path: Path) -> None:
    """Words and boxes are as many as the parts of the text."""
    lines = output_of("Highlight a search hit on the page", read.result, folder=tmp_path).splitlines()
    action, page = map(json.loads, lines)
    assert action["index"]["_id"].endswith("-1")
    parts = page["text"].split(" ")
    assert len(parts) == len(page["boxes"])
    left, top, right, bottom = page["boxes"][parts.index("Miller")]
    assert 0 < left < right < page["size"][0]
    assert 0 < top < bottom < page["size"][1]


def test_black_out(read: Read, tmp_path: Path, engine_cache: Path) -> None:
    """The word is black in the new PDF, and the others are still read."""
    output_of("Black out words", read.source, read.result, "miller", tmp_path / "out.pdf", folder=tmp_path)
    with pypdfium2.PdfDocument(tmp_path / "out.pdf") as pdf:
        assert pdf[0].get_textpage().get_text_bounded() == ""
    config = tmp_path / "ocrspool.toml"
    config.write_text(f"[paths]\ncache = '{engine_cache}'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n")
    ended = ocrspool("once", tmp_path / "out.pdf", "--outbox", tmp_path, "--config", config)
    assert ended.returncode == 0, ended.stderr
    text = json.loads((tmp_path / "out.pdf.json").read_bytes())["text"]
    assert "Invoice for" in text
    assert "Miller" not in text
