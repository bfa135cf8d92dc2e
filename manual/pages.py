"""The man pages: ocrspool(1) from the parser of the command line, ocrspool.toml(5) from the settings.

Not by argparse-manpage: it prints what argparse formats, which differs between versions of Python, and leaves out what
follows the options.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from manual import roff
from manual.settings import Setting, introduction, tables
from ocrspool import __version__
from ocrspool.cli.command_line import command_line
from ocrspool.config.schema import DEFAULT_PATH, Config

_SERVICE = """\
Under systemd the service is `ocrspool.service`. Its start returns when the service can read files. \
`ocrspool-prebuild.service` runs before it and builds the engines that are missing. Messages go to standard error. \
Data goes to standard output."""

_SIGNALS = (
    (
        ("SIGTERM", "SIGINT"),
        "Finish the files in work within `service.stop_seconds`, then end. A second signal ends the service at once.",
    ),
    (("SIGHUP",), "Read the configuration again. A faulty configuration is reported, and the one in use stays."),
)


def command_page() -> str:
    """Return ocrspool(1)."""
    parser = command_line()
    examples, _, codes = (parser.epilog or "").partition("Exit codes: ")
    return roff.page(
        "ocrspool",
        1,
        __version__,
        roff.heading("Name"),
        "ocrspool \\- files dropped into watched folders come out as JSON OCR results\n",
        roff.heading("Synopsis"),
        *(f"{_usage(command)}\n.br\n" for command in _leaves(parser)),
        f"{roff.bold('ocrspool --help')} | {roff.bold('--version')}\n",
        roff.heading("Description"),
        roff.paragraphs(f"{parser.description}\n\n{_SERVICE}"),
        roff.heading("Commands"),
        *(_command(command) for command in _leaves(parser)),
        roff.heading("Examples"),
        roff.as_is(examples.partition("\n")[2].rstrip()),
        roff.heading("Signals"),
        roff.paragraphs("To `ocrspool serve`:"),
        *(roff.item(*map(roff.bold, names), about=about) for names, about in _SIGNALS),
        roff.heading("Exit status"),
        *_codes(codes),
        roff.heading("Files"),
        *_files(),
        roff.heading("See also"),
        f"{roff.bold('ocrspool.toml')}(5), {roff.bold('systemctl')}(1), {roff.bold('journalctl')}(1)\n",
    )


def settings_page() -> str:
    """Return ocrspool.toml(5)."""
    sections = (
        part
        for table in tables()
        for part in (
            roff.subheading(f"[{table.name}]"),
            roff.paragraphs(table.meaning),
            *(roff.item(_setting(setting), about=setting.meaning) for setting in table.settings),
        )
    )
    return roff.page(
        "ocrspool.toml",
        5,
        __version__,
        roff.heading("Name"),
        "ocrspool.toml \\- configuration of ocrspool\n",
        roff.heading("Synopsis"),
        f"{roff.italic(str(DEFAULT_PATH))}\n.br\n{roff.italic(str(DEFAULT_PATH.parent / 'conf.d'))}/*.toml\n",
        roff.heading("Description"),
        roff.paragraphs(introduction()),
        roff.heading("Settings"),
        *sections,
        roff.heading("See also"),
        f"{roff.bold('ocrspool')}(1)\n",
    )


def _leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of all commands, and of theirs, that do something."""
    commands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not commands:
        yield parser
    for command in commands:
        for each in command.choices.values():
            yield from _leaves(each)


def _arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments, positional ones last; --help goes without saying."""
    found = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    return sorted(found, key=lambda action: not action.option_strings)


def _usage(parser: argparse.ArgumentParser) -> str:
    return " ".join((roff.bold(parser.prog), *(_in_usage(action) for action in _arguments(parser))))


def _in_usage(action: argparse.Action) -> str:
    optional = bool(action.option_strings and not action.required) or action.nargs in {"?", "*"}
    text = _term(action) + (" ..." if action.nargs in {"*", "+"} else "")
    return f"[{text}]" if optional else text


def _term(action: argparse.Action) -> str:
    """Return an argument as it is typed."""
    value = roff.italic(str(action.metavar)) if action.nargs != 0 else ""
    if action.choices:
        value = " | ".join(roff.bold(str(choice)) for choice in action.choices)
    if action.option_strings and action.nargs == "?":
        value = f"[{value}]"
    return " ".join(filter(None, (*map(roff.bold, action.option_strings), value)))


def _command(parser: argparse.ArgumentParser) -> str:
    described = (roff.item(_term(action), about=_help(action)) for action in _arguments(parser) if action.help)
    about = parser.description or ""
    return roff.subheading(parser.prog) + roff.paragraphs(about[:1].upper() + about[1:]) + "".join(described)


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % vars(action)
    return text[:1].upper() + text[1:] + "."


def _codes(text: str) -> Iterator[str]:
    """Yield what each exit code means, of a text like "0 all is well; 64 wrong usage."."""
    for code in " ".join(text.split()).rstrip(".").split("; "):
        number, _, meaning = code.partition(" ")
        yield roff.item(roff.bold(number), about=f"{meaning[:1].upper()}{meaning[1:]}.")


def _files() -> Iterator[str]:
    config = Config()
    (inbox,) = config.inbox.values()
    yield roff.item(roff.italic(str(DEFAULT_PATH)), about="The configuration: see `ocrspool.toml`(5).")
    yield roff.item(
        *(roff.italic(str(folder)) for folder in inbox.folders().values()),
        about="The spool of the inbox named default: files in their five states. "
        "Each file in the last folder has its reason beside it.",
    )
    yield roff.item(
        roff.italic(str(config.paths.cache)), about="The engine cache. You may delete it while no service runs."
    )
    yield roff.item(
        roff.italic(str(config.paths.runtime)),
        about="The state that the running service publishes for `ocrspool status`.",
    )


def _setting(setting: Setting) -> str:
    default = f" = {roff.code(setting.default)}" if setting.default else ""
    return f"{roff.bold(setting.name)}{default} ({roff.code(setting.type)})"
