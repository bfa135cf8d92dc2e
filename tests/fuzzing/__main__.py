"""The command: scripts/fuzz [TARGET] [--minutes N] [--input FILE]. See docs/reliability.md."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from random import Random, SystemRandom

FOLDER = Path(__file__).parents[2] / "build" / "fuzz"
"""Inputs that reach new code, and findings. Nothing of it is kept in the repository."""
_OURS = 0.5
"""Share of the inputs that are changed by mutations.py; libFuzzer changes the others."""
_SECONDS, _MEGABYTES = 20, 3000
"""Of one input: what takes more is a finding."""


def main() -> None:
    wanted = _arguments()
    if wanted.target is None:
        _each(wanted.minutes)
        return
    guided = find_spec("atheris") is not None and wanted.input is None
    if guided:
        import atheris

        told = io.StringIO()  # a line for each module
        with contextlib.redirect_stderr(told), atheris.instrument_imports(include=["ocrspool"]):
            from fuzzing.campaign import TARGETS
    else:
        from fuzzing.campaign import TARGETS
    if wanted.target not in TARGETS:
        sys.exit("no such target; there are:\n  " + "\n  ".join(TARGETS))
    if wanted.input is not None:
        TARGETS[wanted.target].run(wanted.input.read_bytes())
    elif guided:
        _with_atheris(wanted.target, wanted.minutes)
    else:
        _without(wanted.target, wanted.minutes)


def _each(minutes: float) -> None:
    """Run every target, each in a process of its own and for its share of the time."""
    from fuzzing.campaign import TARGETS

    failed = []
    for name in TARGETS:
        share = minutes / len(TARGETS)
        print(f"{name}: {share:.1f} min", flush=True)
        run = subprocess.run([sys.executable, "-m", "fuzzing", name, "--minutes", str(share)], check=False)
        failed += [name] if run.returncode else []
    if failed:
        sys.exit(f"findings: {', '.join(failed)}; inputs are in {FOLDER}/findings")


def _with_atheris(name: str, minutes: float) -> None:
    import atheris

    from fuzzing.campaign import TARGETS

    target, corpus, findings = TARGETS[name], FOLDER / "corpus" / name, FOLDER / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        made: bytes = target.mutated(data, random) if random.random() < _OURS else atheris.Mutate(data, most)
        return made[:most]

    options = (
        f"-max_total_time={max(1, round(minutes * 60))}", f"-timeout={_SECONDS}", f"-rss_limit_mb={_MEGABYTES}",
        "-max_len=65536", f"-artifact_prefix={findings}/{name}-", "-print_final_stats=1", "-verbosity=0",
    )  # fmt: skip
    atheris.Setup([sys.argv[0], *options, os.fspath(corpus)], target.run, custom_mutator=mutate)
    atheris.Fuzz()


def _without(name: str, minutes: float) -> None:
    """Run a target without knowing what its inputs reach."""
    from fuzzing.campaign import TARGETS, inputs

    seed = SystemRandom().randrange(1 << 32)
    until = time.monotonic() + minutes * 60
    for number, data in enumerate(inputs(TARGETS[name], seed)):
        if time.monotonic() > until:
            print(f"{name}: {number} inputs, seed {seed}; atheris is not installed, so nothing led the way")
            return
        try:
            TARGETS[name].run(data)
        except BaseException:
            (FOLDER / "findings").mkdir(parents=True, exist_ok=True)
            (FOLDER / "findings" / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", help="one target; without it all of them, one after the other")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long, in all (%(default)s)")
    parser.add_argument("--input", type=Path, help="run the target once, with the bytes of this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
