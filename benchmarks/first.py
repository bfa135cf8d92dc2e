"""From one page dropped into an idle service to its JSON: each receipt of OCRSPOOL_CORPUS once, then once more.

The first time its shapes are new to the nets, which costs them some hundredths of a second each. The settle time is no
part of it: the files are renamed into place.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from compared.documents import sets
from compared.ours import Ours
from serving import machine, named_corpus, scratch

RECEIPTS = 10


def main() -> None:
    corpus = named_corpus()
    print(machine())
    with scratch() as folder:
        ours = Ours(Path(folder, "ours"))
        ours.start()
        receipts = sets(corpus, RECEIPTS, 0, Path(folder))["receipts"]
        for told in ("new shapes", "known shapes"):
            passes = []
            for receipt in receipts:
                time.sleep(0.5)  # idle again
                passes.append(ours.read([receipt]))
            seconds = statistics.median(one.seconds for one in passes)
            cpu = statistics.median(one.cpu_seconds for one in passes)
            most = max(one.seconds for one in passes)
            print(f"{told:<12} {seconds:.2f} s from file to JSON (at most {most:.2f}), {cpu:.2f} s of processor time")
        ours.close()


if __name__ == "__main__":
    main()
