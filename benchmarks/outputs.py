"""Every output of every document of OCRSPOOL_CORPUS: seconds and size of each, and whether it keeps to its rules.

OCRSPOOL_ALTO_XSD may name the schema of ALTO 4, to check that too. PDFs of pictures are checked for PDF/A by the
checker of the tests. Hostile files of the corpus are not in it.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from typing import Any

import pypdfium2
from lxml import etree

from serving import machine, named_corpus, scratch, serving
from support import pdfa_checker

SETTINGS = 'settle_seconds = 0.5\noutputs = ["txt", "md", "csv", "tsv", "hocr", "alto", "html", "pdf"]\n'
_XSD = os.environ.get("OCRSPOOL_ALTO_XSD")
_MOST_OF_IT = 0.9


def main() -> None:
    corpus = named_corpus()
    listed = json.loads((corpus / "manifest.json").read_text())["files"]
    documents = [corpus / entry["file"] for entry in listed if entry.get("ground_truth")]
    print(machine())
    with scratch() as folder:
        with serving(Path(folder), SETTINGS) as served:
            began = time.monotonic()
            for document in documents:
                shutil.copy(document, served.spool / "inbox")
            served.wait_for(len(documents), 3600)
            print(f"{len(documents)} documents in {time.monotonic() - began:.0f} s")
        results = sorted((served.spool / "outbox").glob("*.json"))
        report([check(path) for path in results])
        if target := os.environ.get("OCRSPOOL_BENCH_KEEP"):
            shutil.copytree(served.spool / "outbox", target)


def check(path: Path) -> dict[str, Any]:
    """Return what is to be said of one document's outputs."""
    result = json.loads(path.read_text())
    found: dict[str, Any] = {"name": path.name, "seconds": result["run"]["seconds"], "sizes": {}, "problems": []}
    found["problems"] += [warning["message"] for warning in result["warnings"] if warning["code"] == "output-failed"]
    found["pages"] = len(result["pages"])
    for output in result["outputs"]:
        made = path.with_name(path.name.removesuffix(".json") + output["suffix"])
        found["sizes"][output["format"]] = made.stat().st_size
        if problem := CHECKS[output["format"]](made, result):
            found["problems"].append(f"{output['format']}: {problem}")
    return found


def report(found: list[dict[str, Any]]) -> None:
    pages = sum(each["pages"] for each in found)
    sizes: dict[str, list[int]] = defaultdict(list)
    for each in found:
        for name, size in each["sizes"].items():
            sizes[name].append(size)
    print(f"{len(found)} results, {pages} pages")
    print("output  documents  mean s  most s  mean kB  median kB  most kB")
    for name, held in sizes.items():
        took = [each["seconds"][name] for each in found if name in each["sizes"]]
        kilobytes = [size / 1000 for size in held]
        figures = f"{mean(kilobytes):8.1f} {median(kilobytes):10.1f} {max(kilobytes):8.1f}"
        print(f"{name:7} {len(held):9} {mean(took):7.3f} {max(took):7.3f} {figures}")
    problems = [(each["name"], problem) for each in found for problem in each["problems"]]
    print(f"{len(problems)} problems{'' if _XSD else ' (ALTO: well-formed only, without a schema)'}")
    for name, problem in problems:
        print(f"  {name}: {problem}")


def _txt(path: Path, result: dict[str, Any]) -> str:
    return "" if path.read_text("utf-8") == result["text"] + "\n" else "not the text of the JSON"


def _words(result: dict[str, Any]) -> list[str]:
    """Return the words of a result, sorted: lines of a table are told cell by cell in some outputs."""
    return sorted(word["text"] for page in result["pages"] for line in page["lines"] for word in line["words"])


def _md(path: Path, result: dict[str, Any]) -> str:
    """Headers and footers are left out, and divided words are joined: so most of the text is there, not all."""
    said, wanted = _characters(path.read_text("utf-8")), _characters(_body(result))
    return "" if (said & wanted).total() >= _MOST_OF_IT * wanted.total() else "text is missing"


def _body(result: dict[str, Any]) -> str:
    """Return the text of a result without headers and footers, of which pages with few lines mostly consist."""
    lines = []
    for page in result["pages"]:
        aside = {order for block in page["blocks"] if block["kind"] in {"header", "footer"} for order in block["lines"]}
        lines += [line["text"] for line in page["lines"] if line["order"] not in aside]
    return "\n".join(lines)


def _characters(text: str) -> Counter[str]:
    return Counter("".join(text.split()))


def _csv(path: Path, result: dict[str, Any]) -> str:
    tables = [block["table"] for page in result["pages"] for block in page["blocks"] if block["table"]]
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    return "" if len(rows) == sum(table["rows"] for table in tables) else "rows are missing"


def _tsv(path: Path, result: dict[str, Any]) -> str:
    rows = [row.split("\t") for row in path.read_text("utf-8").split("\n")[:-1]]
    words = sorted(row[11] for row in rows if row[0] == "5")
    return "" if {len(row) for row in rows} == {12} and words == _words(result) else "rows are missing or broken"


def _hocr(path: Path, result: dict[str, Any]) -> str:
    elements = ET.parse(path).iter()  # noqa: S314 - our own
    words = sorted(element.text or "" for element in elements if element.get("class") == "ocrx_word")
    return "" if words == _words(result) else "words differ"


def _alto(path: Path, result: dict[str, Any]) -> str:
    tree = etree.parse(path)
    words = []
    for line in tree.iter("{*}TextLine"):
        words += [element.get("CONTENT") for element in line.iter("{*}String")]
        words[-1] += "".join(element.get("CONTENT") for element in line.iter("{*}HYP"))
    if sorted(words) != _words(result):
        return "words differ"
    schema = etree.XMLSchema(etree.parse(_XSD)) if _XSD else None
    return "" if schema is None or schema.validate(tree) else str(schema.error_log.last_error)


def _html(path: Path, result: dict[str, Any]) -> str:
    text = path.read_text("utf-8")
    foreign = re.findall(r'(?:src|href)="(?!data:image/jpeg;base64,)', text)
    whole = text.count("<text ") == len(_words(result)) and not foreign
    return "" if whole else "words are missing, or it is not self-contained"


def _pdf(path: Path, result: dict[str, Any]) -> str:
    """Compare the characters of each page, in any order: a reader puts turned lines where it likes.

    Not of a PDF that had text before: that stays, and is what a reader finds.
    """
    source = path.parents[1] / "done" / result["source"]["name"]
    if result["source"]["media_type"] == "application/pdf" and any(_texts(source)):
        return "" if sum(map(len, _texts(path))) >= sum(map(len, _texts(source))) else "text of the source is gone"
    problems = [_differs(page, text) for page, text in zip(result["pages"], _texts(path), strict=True)]
    if result["source"]["media_type"] != "application/pdf":
        problems += pdfa_checker.faults(path.read_bytes())
    if tool := shutil.which("pdftotext"):
        said = subprocess.run([tool, "-raw", path, "-"], check=True, capture_output=True, text=True).stdout
        others = [_differs(page, text) for page, text in zip(result["pages"], said.split("\f"), strict=False)]
        problems += [f"pdftotext: {problem}" for problem in others if problem]
    return "; ".join(problem for problem in problems if problem)


def _texts(path: Path) -> list[str]:
    with contextlib.closing(pypdfium2.PdfDocument(path)) as pdf:
        return [page.get_textpage().get_text_range() for page in pdf]


def _differs(page: dict[str, Any], text: str) -> str:
    text = text.replace("\ufffe", "-")  # PDFium, of a hyphen at the end of a line
    wanted, got = ("".join(sorted("".join(one.split()))) for one in (page["text"], text))
    return "" if wanted == got else f"page {page['number']}: {len(wanted)} characters read, {len(got)} found"


CHECKS: dict[str, Callable[[Path, dict[str, Any]], str]] = {
    "txt": _txt,
    "md": _md,
    "csv": _csv,
    "tsv": _tsv,
    "hocr": _hocr,
    "alto": _alto,
    "html": _html,
    "pdf": _pdf,
}

if __name__ == "__main__":
    main()
