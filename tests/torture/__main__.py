"""The command: scripts/torture [--seed N] [--minutes M | --short | --faults N] [--only TEXT] [--json FILE] …"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from support.daemon_process import ocrspool
from torture import campaign, cluster, parts
from torture.campaign import FAULTS, Row
from torture.world import World


def main() -> None:
    wanted = _arguments()
    if wanted.faults:
        _torture_in_parts(wanted)
        return
    _with_mounts()
    folder = Path(tempfile.mkdtemp(prefix="ocrspool-torture-"))
    seed = random.SystemRandom().randrange(1 << 32) if wanted.seed is None else wanted.seed
    print(f"seed {seed}; in {folder}", flush=True)
    if wanted.cluster:
        _torture_cluster(folder, seed, cluster.Limit(wanted.count, wanted.minutes), wanted.json)
        return
    faults = [fault for fault in FAULTS if wanted.only.lower() in fault.name.lower()]
    if not faults:
        sys.exit("no such fault; there are:\n  " + "\n  ".join(fault.name for fault in FAULTS))
    if wanted.short:
        faults = [fault for fault in faults if fault.short]
        random.Random(seed).shuffle(faults)
        planned = iter(faults)
    elif wanted.count:
        planned = itertools.islice(campaign.order(faults, seed), wanted.count)
    else:
        planned = campaign.limited(campaign.order(faults, seed), wanted.minutes * 60)
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {text}", flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    engines = None if wanted.stub else wanted.cache or _engines(folder)
    world = World(folder, engines, seed, outbox_elsewhere=wanted.outbox_elsewhere)
    try:
        rows = campaign.run(world, planned, tell, lambda rows: _keep(rows, wanted.json, seed, whole=False))
    finally:
        world.close()
    _tell(rows, seed, time.monotonic() - began)
    _keep(rows, wanted.json, seed, whole=True)
    if any(row.problems for row in rows):
        sys.exit(f"the invariant was broken; see above, {folder / 'd/log'} and what is left in {folder}")
    shutil.rmtree(folder)


def _torture_in_parts(wanted: argparse.Namespace) -> None:
    seed = random.SystemRandom().randrange(1 << 32) if wanted.seed is None else wanted.seed
    options = ["--only", wanted.only, *(["--cluster"] if wanted.cluster else [])]
    if not wanted.engine and not wanted.cluster:
        options.append("--stub")
    folder = wanted.parts or Path(f"torture-{seed}")
    run = parts.Parts(folder.absolute(), wanted.faults, seed, tuple(options))
    print(f"seeds from {seed}; {wanted.jobs} parts at once; in {run.folder}", flush=True)
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"[{time.monotonic() - began:7.1f} s] {text}", flush=True)

    total = parts.summary(run.run(wanted.jobs, tell))
    print(f"\n{parts.table(total)}\nin {time.monotonic() - began:.0f} s")
    (wanted.json or run.folder / "total.json").write_text(json.dumps(total, indent=1) + "\n", "utf-8")
    sys.exit(not parts.is_well(total))


def _torture_cluster(folder: Path, seed: int, limit: cluster.Limit, into: Path | None) -> None:
    script = os.environ.get("OCRSPOOL_HOST_LAB") or sys.exit(
        "OCRSPOOL_HOST_LAB should name host-lab; see CONTRIBUTING.md"
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {text}", flush=True)

    rows = cluster.campaign(script, folder, seed, limit, tell)
    for row in rows:
        print(f"{row['fault']:34} {row['times']}")
    faults, documents = (sum(row[count] for row in rows) for count in ("times", "documents"))
    print(f"{faults} faults and {documents} documents in {time.monotonic() - began:.0f} s; seed {seed}")
    if into:
        into.write_text(json.dumps({"seed": seed, "whole": True, "faults": rows}, indent=2) + "\n", "utf-8")
    if problems := [problem for row in rows for problem in row["problems"]]:
        sys.exit("\n".join(problems))
    print("nothing lost, wrong or there twice")
    shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/torture", description="Faults, and whether anything is lost.")
    parser.add_argument("--seed", type=int, help="of an earlier run: the same faults in the same order")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--short", action="store_true", help="some of each family, once each: about a minute")
    parser.add_argument("--count", type=int, metavar="N", help="so many faults, however long they take")
    parser.add_argument("--faults", type=int, metavar="N", help="so many in parts, several at once, with a stub engine")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="parts at once (with --faults)")
    parser.add_argument("--parts", type=Path, metavar="FOLDER", help="what is done; a run that was interrupted goes on")
    parser.add_argument("--engine", action="store_true", help="the real engine, with --faults too")
    parser.add_argument("--only", default="", metavar="TEXT", help="only faults whose name has this in it")
    parser.add_argument("--outbox-elsewhere", action="store_true", help="on a filesystem of its own")
    parser.add_argument(
        "--cluster", action="store_true", help="faults of a cluster instead; --seed and --minutes count"
    )
    parser.add_argument("--stub", action="store_true", help="with an engine that answers at once: more faults an hour")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="with an engine that has been built")
    return parser.parse_args()


def _with_mounts() -> None:
    """As root, go on in a namespace of mounts of our own: whatever happens, they end with us."""
    if os.geteuid() == 0 and "TORTURE_MOUNTS" not in os.environ and shutil.which("unshare"):
        command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "torture", *sys.argv[1:]]
        os.environ["TORTURE_MOUNTS"] = "1"
        os.execvp("unshare", command)  # noqa: S606, S607 - whichever the system has


def _engines(folder: Path) -> Path:
    """Build the engine; where."""
    config = folder / "ocrspool.toml"
    config.write_text("[paths]\ncache = 'built'\nruntime = 'run'\n[inbox.default]\nroot = 'none'\n", "utf-8")
    built = ocrspool("prebuild", "--config", config, seconds=600)
    if built.returncode != 0:
        sys.exit(built.stderr)
    return folder / "built"


def _keep(rows: list[Row], into: Path | None, seed: int, *, whole: bool) -> None:
    """Write down what has been found, if somebody wants it. It is `whole` when all faults have been injected."""
    if into:
        found = {"seed": seed, "whole": whole, "faults": [row.as_json() for row in rows]}
        into.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


def _tell(rows: list[Row], seed: int, seconds: float) -> None:
    width = max(len(row.fault.name) for row in rows)
    print(f"\n{'fault':{width}}  times  documents  lost  duplicated  corrupted  recovery median, max")
    for row in rows:
        found = row.as_json()
        recovery = found["recovery_seconds"]
        times = f"{recovery['median']:7.2f} s {recovery['max']:7.2f} s" if recovery else ""
        counts = f"{row.times:5}  {row.documents:9}  {row.lost:4}  {row.duplicated:10}  {row.corrupted:9}"
        print(f"{row.fault.name:{width}}  {counts}  {times}")
    total = sum(row.documents for row in rows)
    print(f"{sum(row.times for row in rows)} faults, {total} documents in {seconds:.0f} s; seed {seed}")


if __name__ == "__main__":
    main()
