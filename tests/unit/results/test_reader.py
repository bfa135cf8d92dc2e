"""`ocrspool.results.read`: what other programs read results with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocrspool.results import Block, Cell, Table, Word, read

EXAMPLE = next(parent for parent in Path(__file__).parents if (parent / "manual").is_dir()) / "manual/examples"


def test_a_result_is_read_with_its_types() -> None:
    document = read(EXAMPLE / "letter.png.json")
    line = document.pages[0].lines[0]
    assert document.source.name == "letter.png"
    assert isinstance(line.words[0], Word)
    assert [word.text for word in line.words] == ["Known", "page:", "0123456789"]
    left, top, right, bottom = line.words[0].bounding_box
    assert 0 < left < right < document.pages[0].width
    assert 0 < top < bottom < document.pages[0].height


def test_fields_of_a_later_version_are_left_out(tmp_path: Path) -> None:
    """What is added in the same schema breaks no reader."""
    found = json.loads((EXAMPLE / "letter.png.json").read_bytes())
    found["later"] = 1
    for holder in (found["source"], found["pages"][0], found["pages"][0]["lines"][0], found["run"], found["engine"]):
        holder["later"] = {"more": True}
    later = tmp_path / "later.json"
    later.write_text(json.dumps(found))
    assert read(later) == read(EXAMPLE / "letter.png.json")


def test_a_result_without_words(tmp_path: Path) -> None:
    """0.1.0 wrote none."""
    found = json.loads((EXAMPLE / "letter.png.json").read_bytes())
    del found["pages"][0]["lines"][0]["words"]
    older = tmp_path / "older.json"
    older.write_text(json.dumps(found))
    assert read(older).pages[0].lines[0].words == ()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"schema": "ocrspool-result/1"}', '{"schema": "other/1"}', "1", "[" * 99_999],
    ids=lambda text: text[:20],
)
def test_what_is_no_result(tmp_path: Path, text: str) -> None:
    """The error names the file."""
    other = tmp_path / "other.json"
    other.write_text(text)
    with pytest.raises(ValueError, match=r"other\.json"):
        read(other)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.json")


def test_blocks_are_read_with_their_types(tmp_path: Path) -> None:
    """Also those of a later version, with fields and kinds that nobody knows yet."""
    found = json.loads((EXAMPLE / "letter.png.json").read_bytes())
    box = [0.0, 0.0, 9.0, 9.0]
    cell = {"row": 0, "column": 0, "row_span": 1, "column_span": 2, "text": "a", "lines": [0], "bounding_box": box}
    block = {"kind": "table", "level": None, "lines": [0, 1], "bounding_box": box, "later": 1}
    found["pages"][0]["blocks"] = [{**block, "table": {"rows": 1, "columns": 2, "cells": [{**cell, "later": 1}]}}]
    result = tmp_path / "later.json"
    result.write_text(json.dumps(found))
    around = (0.0, 0.0, 9.0, 9.0)
    table = Table(1, 2, (Cell(0, 0, 1, 2, "a", (0,), around),))
    assert read(result).pages[0].blocks == (Block("table", None, (0, 1), around, table),)


def test_a_result_without_blocks(tmp_path: Path) -> None:
    """0.1.0 wrote none."""
    found = json.loads((EXAMPLE / "letter.png.json").read_bytes())
    del found["pages"][0]["blocks"]
    old = tmp_path / "old.json"
    old.write_text(json.dumps(found))
    assert read(old).pages[0].blocks == ()
