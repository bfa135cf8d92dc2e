"""Programs of others read hOCR, ALTO and TSV. Each test is skipped where its program is not installed."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ocrspool.render import alto, hocr, tsv
from ocrspool.results.schema import Document
from support import result_blocks


def needs(command: str, package: str) -> pytest.MarkDecorator:
    """Skip a test where a command is not there."""
    return pytest.mark.skipif(shutil.which(command) is None, reason=f"{command} ({package}) is not installed")


@pytest.fixture
def made() -> Document:
    """A page with blocks of every kind."""
    return result_blocks.with_blocks()


def words_of(document: Document) -> list[str]:
    return [word.text for page in document.pages for line in page.lines for word in line.words]


def said_by(*command: str | Path) -> str:
    program, *arguments = command
    found = shutil.which(str(program)) or program
    return subprocess.run(
        [found, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout


@needs("hocr-check", "hocr-tools")
def test_hocr_check_has_no_complaint(made: Document, tmp_path: Path) -> None:
    """It looks at capabilities, nesting and overlaps, and tells each in a line."""
    (tmp_path / "a.hocr").write_bytes(hocr.render(made))
    told = said_by("hocr-check", "-o", tmp_path / "a.hocr")
    assert "ok 1 " in told
    assert "not ok" not in told


@needs("hocr-lines", "hocr-tools")
def test_hocr_lines_prints_the_lines(made: Document, tmp_path: Path) -> None:
    (tmp_path / "a.hocr").write_bytes(hocr.render(made))
    printed = [line.strip() for line in said_by("hocr-lines", tmp_path / "a.hocr").splitlines()]
    assert [line for line in printed if line] == [
        *("Annual report", "Some Heading", "The text is divided be-", "tween two lines.", "Table 1: what was sold"),
        *("apples", "12", "pears", "7", "•", "17"),
    ]


def test_ocrmypdf_imports_the_hocr(made: Document, tmp_path: Path) -> None:
    """Its parser finds each paragraph, line and word."""
    parser = pytest.importorskip("ocrmypdf.hocrtransform", reason="OCRmyPDF is not installed")
    (tmp_path / "a.hocr").write_bytes(hocr.render(made))
    kinds: Counter[str] = Counter()
    texts: list[str] = []

    def walk(element: Any) -> None:  # noqa: ANN401 - a class of OCRmyPDF
        kinds[element.ocr_class] += 1
        texts.extend([element.text] if element.ocr_class == "ocrx_word" else [])
        for child in element.children:
            walk(child)

    walk(parser.HocrParser(tmp_path / "a.hocr").parse())
    assert texts == words_of(made)
    assert (kinds["ocr_par"], kinds["ocr_line"]) == (10, 11)


@needs("alto-tools", "alto-tools")
def test_alto_tools_print_the_text(made: Document, tmp_path: Path) -> None:
    """It joins the parts of a divided word, which the file tells as one."""
    (tmp_path / "a.xml").write_bytes(alto.render(made))
    assert "The text is divided" in said_by("alto-tools", "-t", tmp_path / "a.xml")


def test_pandas_reads_the_tsv_as_it_reads_that_of_tesseract(made: Document, tmp_path: Path) -> None:
    """With the arguments of pytesseract; each line is a group of its own."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    (tmp_path / "a.tsv").write_bytes(tsv.render(made))
    table = pandas.read_csv(tmp_path / "a.tsv", sep="\t", quoting=csv.QUOTE_NONE)
    words = table[table.level == 5]
    assert list(words.text.astype(str)) == words_of(made)
    keys = ["page_num", "block_num", "par_num", "line_num"]
    lines = words.groupby(keys, sort=False).text.apply(lambda group: " ".join(map(str, group)))
    assert list(lines)[:4] == ["Annual report", "Some Heading", "The text is divided be-", "tween two lines."]
    assert not words.duplicated([*keys, "word_num"]).any()
