"""`ocrspool engines`: list, verify, remove, export and import engines of the cache."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ocrspool.cli import engines_view, service_user
from ocrspool.cli.engines_view import STATES, Want, megabytes, summary
from ocrspool.config.engine_requests import devices, engine_request
from ocrspool.config.schema import Config
from ocrspool.engine.cache import archive, inventory
from ocrspool.engine.cache.inventory import CachedEngine
from ocrspool.engine.cache.permissions import unusable
from ocrspool.engine.cache.store import OnBytes, differences
from ocrspool.engine.plan import plan
from ocrspool.errors import EngineError, EngineMissingError, Exit, OcrspoolError
from ocrspool.files import atomic, names


def ls(config: Config, *, as_json: bool) -> int:
    """Print an identity card of each engine. 69 where one that the configuration wants is not there."""
    wants = [_want(config, device) for device in dict.fromkeys(config.engine.devices)]
    cards = inventory.cards(config.paths.cache)
    if as_json:
        told = [
            {"device": want.device, "fingerprint": want.fingerprint or None, "problem": want.problem or None}
            for want in wants
        ]
        print(json.dumps({"wanted": told, "engines": [engines_view.as_json(card, wants) for card in cards]}, indent=2))
    else:
        engines_view.show(cards, wants, config.paths.cache / "engines")
    return Exit.UNAVAILABLE if any(want.problem for want in wants) else Exit.OK


def verify(config: Config, fingerprints: Sequence[str], *, as_json: bool) -> int:
    """Hash the files of all engines, or of these. 69 where one is not sound, 66 where there is none of that name.

    Raise EngineError where the owner of the cache cannot use a file in it.
    """
    if error := unusable(config.paths.cache):
        raise error
    cards = inventory.cards(config.paths.cache)
    engines = [card for card in cards if card.state in {"whole", "damaged"}]
    chosen = inventory.named(cards, fingerprints) if fingerprints else engines
    total = sum(card.size for card in chosen if card.manifest)
    with _progress("verifying", total) as on_bytes:
        found = {card.fingerprint: _faults(card, on_bytes) for card in chosen}
    if as_json:
        told = [{"fingerprint": name, "sound": not faults, "faults": faults} for name, faults in found.items()]
        print(json.dumps({"engines": told}, indent=2))
    else:
        for name, faults in found.items():
            print(f"{name}: " + ("; ".join(map(names.printable, faults)) or "sound"))
        if not found:
            print(f"there is no engine in {config.paths.cache / 'engines'}")
    return Exit.UNAVAILABLE if any(found.values()) else Exit.OK


def _faults(card: CachedEngine, on_bytes: OnBytes) -> list[str]:
    if card.problem:
        return [f"manifest.json is altered: {card.problem}"]
    if card.manifest is None:
        return [f"no engine: {STATES[card.state]}"]
    return inventory.faults(card.folder, card.manifest, on_bytes)


def gc(config: Config, *, keep: int, dry_run: bool, instead: Sequence[str]) -> int:
    """Remove what nobody wants; `instead` are fingerprints to keep in place of those that the configuration wants.

    As root it acts as the user whom the cache belongs to.
    """
    service_user.become(service_user.find(config))
    cache = config.paths.cache
    cards = inventory.cards(cache)
    kept = {card.fingerprint for card in inventory.named(cards, instead)} if instead else _wanted_for_sure(config)
    freed = 0
    for card, reason in inventory.unwanted(cards, kept, keep):
        if stays := "" if dry_run else inventory.remove(card):
            print(f"{card.fingerprint}: stays; {stays}")
            continue
        freed += card.size
        print(f"{card.fingerprint}: {'would be ' * dry_run}removed, {megabytes(card.size)}; {reason}")
    for path in inventory.stale_files(cache):
        if dry_run or inventory.remove_stale(path):
            print(f"{path.name}: {'would be ' * dry_run}removed; of no use any more")
    print(f"{megabytes(freed)} {'would be ' * dry_run}freed in {cache / 'engines'}")
    return Exit.OK


def export(config: Config, fingerprint: str, target: Path | None) -> int:
    """Write an engine into one file, "-" for standard output; the file appears whole or not at all."""
    (card,) = inventory.named(inventory.cards(config.paths.cache), [fingerprint])
    if card.manifest is None:
        raise EngineError(f"{card.fingerprint} is no engine: {STATES[card.state]}", "`ocrspool engines ls` shows them")
    target = target or Path(f"ocrspool-engine-{card.fingerprint}.tar")
    with _progress("exporting", card.size) as on_bytes:
        if os.fspath(target) == "-":
            if sys.stdout.isatty():
                raise EngineError("an engine is nothing for a terminal", "name a file, or send the output to one")
            archive.write(card.folder, card.manifest, sys.stdout.buffer, on_bytes)
            sys.stdout.buffer.flush()
            return Exit.OK
        part = target.with_name(names.with_suffix(target.name, ".part"))
        try:
            with part.open("wb") as file:
                archive.write(card.folder, card.manifest, file, on_bytes)
                file.flush()
                os.fsync(file.fileno())
            atomic.move(part, target)
        finally:
            part.unlink(missing_ok=True)
    print(f"{card.fingerprint}: exported to {target}, {megabytes(target.stat().st_size)}")
    return Exit.OK


def import_engine(config: Config, source: Path) -> int:
    """Unpack an exported engine into the cache, and say whether the configuration wants it.

    As root it acts as the user whom the cache belongs to, except for opening the file.
    """
    if os.fspath(source) == "-":
        service_user.become(service_user.find(config))
        with _progress("importing", None) as on_bytes:
            taken = archive.import_engine(sys.stdin.buffer, config.paths.cache, on_bytes)
    else:
        if not source.is_file():
            error = EngineError(f"there is no file {source}", "name one that `ocrspool engines export` has written")
            error.exit_code = Exit.NO_INPUT
            raise error
        with source.open("rb") as file, _progress("importing", os.fstat(file.fileno()).st_size) as on_bytes:
            service_user.become(service_user.find(config))
            taken = archive.import_engine(file, config.paths.cache, on_bytes)
    manifest = taken.manifest
    state = f"imported into {taken.folder}" if taken.new else "already there and sound; left as it is"
    print(f"{manifest.fingerprint}: {state}")
    for device in dict.fromkeys(config.engine.devices):
        want = _want(config, device)
        if want.plan is None:
            print(f"  cannot tell whether it is the engine wanted for {device}: {want.problem}")
        elif want.fingerprint == manifest.fingerprint:
            print(f"  it is the engine wanted for {device}")
        else:
            print(f"  it is not the engine wanted for {device}, {want.fingerprint}:")
            for difference in differences(manifest.identity, want.plan.identity):
                print(f"    {names.printable(summary(difference))}")
    return Exit.OK


def _want(config: Config, device: str) -> Want:
    """Find out what is wanted for a device, and whether it is there."""
    try:
        planned = plan(engine_request(config, device))
    except OcrspoolError as error:
        return Want(device, None, error.message, error.hint)
    try:
        planned.cache.find(planned.identity)
    except EngineMissingError as error:
        return Want(device, planned, error.message, error.hint)
    return Want(device, planned, "", "")


def _wanted_for_sure(config: Config) -> set[str]:
    """Return the fingerprints that the configuration may ask for. Raise EngineError where one cannot be told.

    The CPU's engine that takes the place of an absent GPU's is wanted beside it, not instead: the GPU may come back.
    """
    return {_fingerprint(config, device) for device in devices(config)}


def _fingerprint(config: Config, device: str) -> str:
    """Return that of the engine for this device, with nothing in its place. Raise EngineError."""
    try:
        return plan(replace(engine_request(config, device), on_no_gpu="fail")).folder.name
    except OcrspoolError as error:
        raise EngineError(
            f"nothing is removed, because it is not known which engine is wanted for {device}: {error.message}",
            "mend that, or name the engines to keep: `ocrspool engines gc --fingerprint FINGERPRINT`",
        ) from error


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[OnBytes]:
    """Show on a terminal how far a long job has come; give the function that is told of it."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)
