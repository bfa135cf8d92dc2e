"""The command line: every command with its options, and which function it calls."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from ocrspool import __version__
from ocrspool.cli import commands
from ocrspool.config.schema import DEFAULT_PATH
from ocrspool.errors import Exit
from ocrspool.observability import log_setup
from ocrspool.results.formats import SUFFIXES

_ABOUT = "Files dropped into watched folders come out as JSON OCR results."

_LONGEST_WATCH_SECONDS = 86_400

_MORE = """\
To begin:
  ocrspool once scan.pdf --outbox .              read one file now, without a service
  scanimage | ocrspool once - --outputs txt      read standard input, write text to standard output
  ocrspool check && ocrspool prebuild            check the configuration, then build the engines, once
  ocrspool serve                                 watch the inboxes until SIGTERM or Ctrl-C
  ocrspool status --watch                        show live which files wait, are in work or failed, and why
  ocrspool status --audit                        prove that every file is in exactly one place
  ocrspool retry --all                           move all failed files back to their inboxes
  ocrspool doctor                                check that driver, GPU, libraries and versions fit together
  ocrspool engines ls                            list the engines, and the device for which each is made
  ocrspool inbox add invoices /srv/invoices      add an inbox in another place

Exit codes: 0 all is well; 64 wrong usage; 65 some documents failed, or an audit has findings; 66 no such file;
69 no engine, or no service, or one that hangs; 70 a bug; 71 an operating system error; 73 cannot create; 74 input or
output error; 75 another service has the spool; 77 no permission; 78 wrong configuration; 130 interrupted.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override] # argparse ends with 2; sysexits says 64
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}\n{self.prog}: try `{self.prog} --help`\n")


def command_line() -> argparse.ArgumentParser:
    """Return the parser of all commands; the man page and the completions are made from it."""
    form = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="ocrspool", description=_ABOUT, epilog=_MORE, formatter_class=form)
    parser.add_argument("--version", action="version", version=f"ocrspool {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=about, description=about + ".")
        added.set_defaults(run=run)
        return added

    serve = command("serve", commands.run_serve, "watch the inboxes until a signal stops it")
    _add_config(serve)
    serve.add_argument(
        "--log-format",
        choices=get_args(log_setup.Format),
        help="use this format instead of log.format of the configuration",
    )

    prebuild = command(
        "prebuild",
        commands.run_prebuild,
        "build the engines that the configuration needs; do nothing if they are in the cache and sound",
    )
    _add_config(prebuild)
    prebuild.add_argument("--force", action="store_true", help="build the engines again even if they are in the cache")

    check = command("check", commands.run_check, "find every problem of the configuration, its folders and permissions")
    _add_config(check)
    check.add_argument("--show", action="store_true", help="print the configuration in effect, as JSON")
    check.add_argument(
        "--start",
        action="store_true",
        help="fail only for problems that would keep the service from starting; report the others",
    )

    _add_once(
        command(
            "once",
            commands.run_once,
            "read files or folders of files now, without a service; the sources are not changed",
        )
    )

    _add_status(command("status", commands.run_status, "show which files wait, are in work, are done or failed"))

    _add_retry(command("retry", commands.run_retry, "move failed files back to their inbox"))

    _add_engines(
        command("engines", commands.run_engines, "list, verify, remove, export or import engines of the engine cache")
    )

    _add_inbox(
        command("inbox", commands.run_inbox, "add or remove an inbox, or give the service its rights in one, as root")
    )

    _add_config(
        command("node", commands.run_node, "read pages on this machine for services on others, until a signal stops it")
    )

    _add_cluster(
        command("cluster", commands.run_cluster, "run the scheduler at which hosts meet, or make certificates for them")
    )

    doctor = command("doctor", commands.run_doctor, "examine everything that ocrspool depends on, and say what to do")
    _add_config(doctor)
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON, for programs")

    schema = command("schema", commands.run_schema, "print a JSON Schema")
    schema.add_argument("of", choices=["result", "reason", "status", "doctor", "config"])
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_PATH,
        metavar="FILE",
        help="the configuration file; conf.d/*.toml beside it is read too (default: %(default)s)",
    )


def _add_once(once: argparse.ArgumentParser) -> None:
    once.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="- for standard input")
    once.add_argument(
        "--outbox",
        type=Path,
        metavar="DIR",
        help="the folder for the results; it gets the same tree of folders. Without it the result of one file is "
        "written to standard output",
    )
    once.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="use engine, limits and profile of this configuration file (default: the engine of the service if this "
        "user may read it, otherwise an engine of this user)",
    )
    once.add_argument(
        "--profile", default="default", metavar="NAME", help="the name of a profile in that file (default: %(default)s)"
    )
    once.add_argument(
        "--outputs",
        default=[],
        type=lambda text: text.split(","),
        metavar="LIST",
        help=f"the outputs to make beside the JSON, separated by commas: {','.join(SUFFIXES)}; "
        "for standard output: one output, instead of the JSON",
    )


def _add_status(status: argparse.ArgumentParser) -> None:
    _add_config(status)
    status.add_argument("--json", action="store_true", help="print the state as JSON, for programs")
    status.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=2.0,
        metavar="SECONDS",
        help="show the state again every SECONDS (2) until Ctrl-C; with --json, print one object a line",
    )
    status.add_argument(
        "--audit", action="store_true", help="prove that every file is in one place; exit code 65 if there are findings"
    )
    status.add_argument("--thorough", action="store_true", help="with --audit: compare sources with results by SHA-256")
    status.add_argument(
        "--warnings", action="store_true", help="with --audit: name the results in the outbox that have warnings"
    )
    status.add_argument(
        "--repair", action="store_true", help="with --audit: repair what can be repaired; refused while a service runs"
    )


def _add_retry(retry: argparse.ArgumentParser) -> None:
    _add_config(retry)
    retry.add_argument("names", nargs="*", metavar="NAME", help="a path below failed/, as `status` shows it")
    retry.add_argument("--all", action="store_true", help="move every failed file")
    retry.add_argument("--inbox", metavar="NAME", help="move files of this inbox only")


def _add_engines(engines: argparse.ArgumentParser) -> None:
    subparsers = engines.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="act")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=about, description=about + ".")
        _add_config(added)
        return added

    ls = command("ls", "list the engines and mark the wanted ones; say what differs if a wanted engine is missing")
    ls.add_argument("--json", action="store_true", help="print the list as JSON, for programs")

    verify = command("verify", "hash the files of engines; exit code 69 if one is damaged")
    verify.add_argument(
        "fingerprints",
        nargs="*",
        metavar="FINGERPRINT",
        help="verify only this engine; the beginning of the fingerprint is enough",
    )
    verify.add_argument("--json", action="store_true", help="print the findings as JSON, for programs")

    gc = command("gc", "remove engines that the configuration does not want, and leftovers of aborted builds")
    gc.add_argument(
        "--keep",
        type=_count,
        default=1,
        metavar="N",
        help="how many of the unwanted engines to keep, the newest first (default: %(default)s)",
    )
    gc.add_argument("--dry-run", action="store_true", help="remove nothing, and list what would be removed")
    gc.add_argument(
        "--fingerprint",
        action="append",
        default=[],
        metavar="FINGERPRINT",
        help="keep this engine instead of those that the configuration wants; may be repeated",
    )

    export = command("export", "write an engine into one file, for import on another machine")
    export.add_argument("fingerprint", metavar="FINGERPRINT", help="the fingerprint of the engine, or its beginning")
    export.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="the file to write, or - for standard output (default: ocrspool-engine-FINGERPRINT.tar)",
    )

    take = command(
        "import",
        "import an exported engine into the cache; it is machine code, so import only from people whom you trust",
    )
    take.add_argument("file", type=Path, metavar="FILE", help="the file to read, or - for standard input")


def _add_inbox(inbox: argparse.ArgumentParser) -> None:
    subparsers = inbox.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="act")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=about, description=about + ".")
        _add_config(added)
        added.add_argument("--dry-run", action="store_true", help="only tell what would be done")
        return added

    add = command("add", "make folders, a file in conf.d, and drop-ins that let the units use the folders")
    add.add_argument("name", metavar="NAME", help="of the new inbox")
    add.add_argument("root", type=Path, metavar="ROOT", help="the folder that is to hold its five folders")

    remove = command("remove", "undo that; folders with files in them stay as they are")
    remove.add_argument("name", metavar="NAME", help="of an inbox that `inbox add` has made")

    repair = command("repair", "let the service take what people have put into an inbox without a right for its group")
    repair.add_argument("name", nargs="?", metavar="NAME", help="one inbox; without it, all")


def _add_cluster(cluster: argparse.ArgumentParser) -> None:
    subparsers = cluster.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="act")
    about = "serve as the meeting point of services and hosts, until a signal stops it"
    _add_config(subparsers.add_parser("scheduler", help=about, description=about + "."))
    about = "make an authority, if there is none, and a certificate for each host"
    certificates = subparsers.add_parser("certificates", help=about, description=about + ".")
    certificates.add_argument(
        "folder", type=Path, metavar="DIR", help="the folder of the authority; each host gets a folder in it"
    )
    certificates.add_argument("hosts", nargs="+", metavar="HOST", help="the name of a host")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < _LONGEST_WATCH_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to a day")
    return seconds
