"""Pages in many scripts: word F1 with Tesseract as the second reader, of Tesseract alone, of the default reader alone.

usage: scripts/bench scripts [--save] [LANGUAGE...]

The pages are those of the tests (tests/support/script_pages.py), in each of their fonts. All go through one service
twice: into an inbox whose profile has the reader of the script, and into one that has the default reader only. Beside
it, Tesseract reads the whole page (its own search for lines, one thread), in the same run. With OCRSPOOL_CORPUS, the
historical pages of the corpus are read with and without a reader for Fraktur.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from serving import machine, named_corpus, scratch, serving
from support import script_pages
from support.script_pages import SCRIPTS, Script

SAVED = Path("docs/benchmarks/scripts.md")
_OLD = "Fraktur"
_OLD_READERS = ("Fraktur", "frk")
_HARD = tuple(
    Script(language, name, 0, SCRIPTS[0].fonts, first=True)
    for language, name in (("tur", "Turkish"), ("ron", "Romanian"))
)
"""Latin script, which the default reader reads; its letters that it misreads are what counts."""


@dataclass(frozen=True, slots=True)
class Row:
    """One page."""

    script: Script
    font: str
    own: float
    """Word F1 with the reader of the script."""
    tesseract: float
    tesseract_seconds: float
    default: float
    warned: bool
    """Whether the page had a warning where only the default reader was asked."""


def main() -> None:
    arguments = _arguments()
    wanted = [each for each in (*SCRIPTS, *_HARD) if not arguments.languages or each.language in arguments.languages]
    pages = [(script, font) for script in wanted for font in script.fonts if _can_be_had(script, font)]
    if not pages:
        sys.exit("nothing to read: see above what is missing")
    languages = list(dict.fromkeys(script.language for script, _ in pages))
    old = "OCRSPOOL_CORPUS" in os.environ and not any(
        script_pages.lacks(each, SCRIPTS[0].fonts[0]) for each in _OLD_READERS
    )
    print(machine())
    with scratch() as folder, serving(Path(folder), _settings(languages, old=old)) as served:
        root = served.spool.parent
        files = {page: script_pages.png(script_pages.page(page[0].language, page[1])) for page in pages}
        for (script, font), data in files.items():
            for inbox in (script.language, "default"):
                _drop(_root(root, inbox), f"{script.language}-{Path(font).stem}.png", data)
        results = [(page, *_results(root, *page)) for page in pages]
        rows = [_row(page, files[page], own, default) for page, own, default in results]
        told = f"{_table(rows)}\n{_old_pages(root) if old else ''}"
    print(told)
    if arguments.save:
        SAVED.write_text(f"{machine()}; Tesseract {_version()}.\n\n{told}", "utf-8")


def _settings(languages: list[str], *, old: bool) -> str:
    readers = ", ".join(f'{each} = "tesseract:{each}"' for each in (*languages, *(_OLD_READERS if old else ())))
    inboxes = [f'[inbox.{each}]\nroot = "{each}"\nprofile = "{each}"\n' for each in [*languages, *[_OLD] * old]]
    known = {each.language: each for each in (*SCRIPTS, *_HARD)}
    profiles = [known[each].profile for each in languages]
    if old:
        profiles.append(f"[profile.{_OLD}]\nreaders = {json.dumps(['default', *_OLD_READERS])}\nsure = 1\n")
    return f"[engine]\nreaders = {{ {readers} }}\n{''.join(inboxes)}{''.join(profiles)}"


def _root(root: Path, inbox: str) -> Path:
    return root / ("spool" if inbox == "default" else inbox)


def _drop(inbox: Path, name: str, data: bytes) -> None:
    (inbox / name).write_bytes(data)
    (inbox / name).rename(inbox / "inbox" / name)


def _results(root: Path, script: Script, font: str) -> tuple[dict[str, Any], dict[str, Any]]:
    name = f"{script.language}-{Path(font).stem}.png"
    return _result(_root(root, script.language), name), _result(_root(root, "default"), name)


def _result(inbox: Path, name: str, seconds: float = 600) -> dict[str, Any]:
    """Wait for a result."""
    path, deadline = inbox / "outbox" / f"{name}.json", time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            sys.exit(f"no {path}")
        time.sleep(0.1)
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _row(page: tuple[Script, str], data: bytes, own: dict[str, Any], default: dict[str, Any]) -> Row:
    script, font = page
    truth = script_pages.text(script.language)
    began = time.perf_counter()
    whole = _tesseract(data, script.language)
    seconds = time.perf_counter() - began
    f1 = [script_pages.word_f1(script.language, truth, each) for each in (own["text"], whole, default["text"])]
    return Row(script, Path(font).stem, f1[0], f1[1], seconds, f1[2], bool(default["warnings"]))


def _tesseract(data: bytes, language: str) -> str:
    """Return what Tesseract's command reads of the whole page, with the library of the same version as the reader."""
    import tesserocr  # noqa: PLC0415 - where it is not installed, _can_be_had says so

    folder = next(iter(sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)))
    with tesserocr.PyTessBaseAPI(path=str(folder), lang=language, psm=tesserocr.PSM.AUTO) as api:
        api.SetImage(Image.open(io.BytesIO(data)))
        api.SetSourceResolution(200)
        text: str = api.GetUTF8Text()
    return text


def _table(rows: list[Row]) -> str:
    head = "| script | font | with its reader | Tesseract on the whole page | default alone | warned |\n"
    lines = [head, "|---|---|---:|---:|---:|---|\n"]
    for row in rows:
        whole = f"{row.tesseract:.3f} ({row.tesseract_seconds:.1f} s)"
        warned = "yes" if row.warned else "no"
        lines.append(f"| {row.script.name} | {row.font} | {row.own:.3f} | {whole} | {row.default:.3f} | {warned} |\n")
    for script in dict.fromkeys(row.script for row in rows):
        own = [row for row in rows if row.script == script]
        means = (statistics.mean(getattr(row, what) for row in own) for what in ("own", "tesseract", "default"))
        lines.append("| **{}** | mean of {} | **{:.3f}** | {:.3f} | {:.3f} | |\n".format(script.name, len(own), *means))
    return "".join(lines)


def _old_pages(root: Path) -> str:
    """Return the corpus' own score of its historical pages, with and without the reader for Fraktur."""
    corpus = named_corpus()
    manifest = json.loads((corpus / "manifest.json").read_text())
    documents = [corpus / each["file"] for each in manifest["files"] if each["kind"] == "historical"]
    told = ["| historical page | readers | word F1 |\n|---|---|---:|\n"]
    for inbox in ("default", _OLD):
        for document in documents:
            _drop(_root(root, inbox), document.name, document.read_bytes())
        predictions = root / f"predictions-{inbox}"
        predictions.mkdir()
        for document in documents:
            result = _result(_root(root, inbox), document.name)
            (predictions / f"{document.name}.txt").write_text(result["text"], "utf-8")
        score = [sys.executable, str(corpus / "score.py"), "--manifest", str(corpus / "manifest.json")]
        scored = predictions / "scores.json"
        options = ["--pred", str(predictions), "--skip-missing", "--json", str(scored)]
        subprocess.run([*score, *options], check=True, stdout=subprocess.DEVNULL)
        rows = [(Path(each["file"]).name, each["f1"]) for each in json.loads(scored.read_text())["documents"]]
        told += [
            f"| {name} | {', '.join(('default', *_OLD_READERS)) if inbox == _OLD else inbox} | {f1:.3f} |\n"
            for name, f1 in rows
        ]
        shutil.rmtree(predictions)
    return "".join(told)


def _version() -> str:
    import tesserocr  # noqa: PLC0415

    version: str = tesserocr.tesseract_version().split("\n")[0].split()[-1]
    return version


def _can_be_had(script: Script, font: str) -> bool:
    if reason := script_pages.lacks(script.language, font):
        print(f"{script.name}, {Path(font).stem}: {reason}", file=sys.stderr)
    return not reason


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench scripts", description="Read pages in many scripts.")
    parser.add_argument("--save", action="store_true", help=f"write {SAVED}")
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help="as Tesseract names them: rus, ell, ...")
    return parser.parse_args()


if __name__ == "__main__":
    main()
