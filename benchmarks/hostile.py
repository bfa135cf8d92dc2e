"""Every hostile file of OCRSPOOL_CORPUS through one real service, one by one: its verdict, how long that took.

Prints a table, then says whether service and worker are those of the start. An argument names a file for the same as
JSON.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serving import Served, machine, named_corpus, scratch, serving

_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one file."""

    file: str
    expected: str
    """accept, reject or either, as the manifest says; some with words that have to be read."""
    verdict: str
    """The status of the result, or the kind of the refusal."""
    detail: str
    seconds: float
    as_expected: bool


def main() -> None:
    corpus = named_corpus()
    entries = json.loads((corpus / "manifest.json").read_text())["files"]
    hostile = [entry for entry in entries if entry["kind"] == "hostile"]
    print(machine())
    with scratch() as folder, serving(Path(folder), "settle_seconds = 0.1\n") as served:
        before = served.process.pid, served.workers()
        verdicts = [judged(served, corpus, entry) for entry in hostile]
        same = served.process.poll() is None and (served.process.pid, served.workers()) == before
        tracebacks = served.log.read_text().count("Traceback")
    for each in verdicts:
        mark = "" if each.as_expected else "NOT AS EXPECTED: "
        print(f"{each.file!a:48} {each.verdict:14} {each.seconds:6.2f} s  {mark}{each.detail}")
    wrong = [each.file for each in verdicts if not each.as_expected]
    slowest = max(verdicts, key=lambda each: each.seconds)
    print(f"{len(verdicts)} files, {len(wrong)} not as expected; slowest: {slowest.file!a}, {slowest.seconds:.2f} s")
    print(
        f"service and workers are {'those' if same else 'NOT THOSE'} of the start; {tracebacks} tracebacks in the log"
    )
    if arguments := sys.argv[1:]:
        facts = {"files": [asdict(each) for each in verdicts], "same_processes": same, "tracebacks": tracebacks}
        Path(arguments[0]).write_text(json.dumps(facts, indent=1, ensure_ascii=False))
    sys.exit(bool(wrong) or not same)


def judged(served: Served, corpus: Path, entry: dict[str, Any]) -> Verdict:
    """Drop one file and wait for what becomes of it; the time includes that until the file is settled and claimed."""
    source = corpus / entry["file"]
    shutil.copy(source, served.spool.parent / "dropped")
    began = time.monotonic()
    (served.spool.parent / "dropped").rename(served.spool / "inbox" / source.name)
    places = served.spool / "outbox" / f"{source.name}.json", served.spool / "failed" / f"{source.name}.reason.json"
    while not (there := [path for path in places if path.exists()]):
        if time.monotonic() > began + _PATIENCE_SECONDS or served.process.poll() is not None:
            return Verdict(source.name, entry["expect"], "none", f"see {served.log}", time.monotonic() - began, False)  # noqa: FBT003 - as_expected
        time.sleep(0.01)
    seconds = round(time.monotonic() - began, 3)
    told = json.loads(there[0].read_bytes())
    refused = there[0] == places[1]
    text = "".join(told.get("text", "").split()).lower()
    words = "".join(entry.get("expect_text", "").split()).lower()
    fits = entry["expect"] in {"either", "reject" if refused else "accept"} and (refused or words in text)
    fits = fits and not (refused and told["kind"] in {"crash", "internal"})
    detail = told["message"] if refused else f"{len(told['pages'])} pages, {len(told['text'])} characters"
    return Verdict(source.name, entry["expect"], told["kind"] if refused else told["status"], detail, seconds, fits)


if __name__ == "__main__":
    main()
