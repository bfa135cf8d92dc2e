"""Every document of OCRSPOOL_CORPUS through a real service: word F1 by the corpus' own score.py, pages per second."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from serving import machine, named_corpus, scratch, serving


def main() -> None:
    corpus = named_corpus()
    documents = [
        corpus / entry["file"]
        for entry in json.loads((corpus / "manifest.json").read_text())["files"]
        if entry.get("ground_truth")
    ]
    print(machine())
    with scratch() as folder:
        predictions = Path(folder, "predictions")
        predictions.mkdir()
        with serving(Path(folder), "settle_seconds = 0.5\n") as served:
            began = time.monotonic()
            for document in documents:
                shutil.copy(document, served.spool / "inbox")
            served.wait_for(len(documents), 3600)
            took = time.monotonic() - began
        pages = 0
        for result in (served.spool / "outbox").glob("*.json"):
            document = json.loads(result.read_text())
            pages += len(document["pages"])
            (predictions / f"{document['source']['name']}.txt").write_text(document["text"])
        failed = [path.name for path in (served.spool / "failed").iterdir()]
        print(f"{len(documents)} documents, {pages} pages in {took:.1f} s: {pages / took:.2f} pages/s")
        print(f"failed: {', '.join(failed) or 'none'}")
        score: list[str | Path] = [
            sys.executable,
            corpus / "score.py",
            "--manifest",
            corpus / "manifest.json",
            "--pred",
            predictions,
        ]
        subprocess.run([*score, *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
