"""`ocrspool status --audit`, which proves that every file is in exactly one place, and `--repair`."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

from ocrspool.audit.auditor import Audit, Finding, audit
from ocrspool.audit.repair import repair
from ocrspool.config.schema import Config
from ocrspool.errors import Exit, OcrspoolError
from ocrspool.files import names
from ocrspool.files.answering import silent
from ocrspool.spool.layout import STATES
from ocrspool.spool.spool import Spool


class UnseenError(OcrspoolError):
    """The folders are not for this user's eyes."""

    exit_code = Exit.NO_PERMISSION


def prove(config: Config, *, mend: bool, thorough: bool, warnings: bool, as_json: bool) -> int:
    """Print what each inbox's folders hold, and all that is wrong with it. 65 where anything is left that is.

    75 where a disk does not answer: nothing is known of its inbox.

    With `warnings`, results that have warnings are named too; that is no fault of a spool.
    """
    hangs = silent({name: [*inbox.folders().values()] for name, inbox in config.inbox.items()})
    answering = [name for name in config.inbox if name not in hangs]
    mended = {name: repair(_spool(config, name)) if mend else [] for name in answering}
    audits = {name: _audit(config, name, thorough=thorough) for name in answering}
    if as_json:
        facts = {name: _facts(audits[name], mended[name], warnings=warnings) for name in audits}
        print(json.dumps({"inboxes": facts, "hanging": sorted(hangs)}, indent=2))
    else:
        _print(audits, mended, warnings=warnings)
        for name in sorted(hangs):
            print(f"inbox {name}: the disk of {config.inbox[name].folder('inbox')} does not answer: not looked at")
    if any(found.findings for found in audits.values()):
        return Exit.DATA
    return Exit.TEMPORARY if hangs else Exit.OK


def _audit(config: Config, name: str, *, thorough: bool) -> Audit:
    inbox = config.inbox[name]
    try:
        return audit(_spool(config, name), inbox.rules(), thorough=thorough)
    except PermissionError as error:
        raise UnseenError(
            f"may not look at {names.printable(str(error.filename))}", "run this as the service's user, or as root"
        ) from error


def _spool(config: Config, name: str) -> Spool:
    inbox = config.inbox[name]
    return Spool(name, inbox.folders(), inbox.delivery())


def _facts(found: Audit, mended: list[Finding], *, warnings: bool) -> dict[str, Any]:
    named = {"results_with_warnings": [result.to_json() for result in found.warned]} if warnings else {}
    return {**found.to_json(), **named, "repaired": [finding.to_json() for finding in mended]}


def _print(audits: dict[str, Audit], mended: dict[str, list[Finding]], *, warnings: bool) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for name, found in audits.items():
        counts = ", ".join(f"{found.counts[state]} {state}" for state in STATES)
        console.print(f"inbox {name}: {counts}{'; a service is working on it' if found.busy else ''}")
        for finding in mended[name]:
            _print_one(console, "repaired", "green", finding, "")
        for finding in found.findings:
            _print_one(console, finding.kind, "bold red", finding, finding.repair)
        for note in found.notes:
            _print_one(console, f"note: {note.kind}", "yellow", note, "")
        if found.warned:
            _print_warned(console, found, warnings=warnings)
        console.print(f"  {found.verdict}", style="bold")


def _print_warned(console: Console, found: Audit, *, warnings: bool) -> None:
    by_code = ", ".join(f"{names.printable(code)} {count}" for code, count in found.by_code.items())
    hint = "" if warnings else "; --warnings names them"
    console.print(f"  {len(found.warned)} results with warnings ({by_code}){hint}")
    for result in found.warned if warnings else ():
        codes = names.printable(", ".join(result.codes))
        console.print(Text.assemble("  ", (codes, "yellow"), f"  {names.printable(str(result.path))}"))


def _print_one(console: Console, mark: str, style: str, finding: Finding, repair: str) -> None:
    console.print(Text.assemble("  ", (mark, style), f"  {names.printable(str(finding.path))}"))
    console.print(f"    {finding.meaning}")
    if repair:
        console.print(f"    → --repair {repair}")
