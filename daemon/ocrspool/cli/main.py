"""The one place where an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ocrspool.cli.command_line import command_line
from ocrspool.errors import ConfigError, Exit, OcrspoolError
from ocrspool.files.faults import in_words
from ocrspool.formatting import counted


def main(arguments: Sequence[str]) -> int:
    """Run one command. Return its exit code."""
    options = command_line().parse_args(arguments)
    try:
        code = int(options.run(options))
        sys.stdout.flush()  # here, where a reader that has gone is no error, and not when the interpreter ends
        return code  # noqa: TRY300 - what comes before it is what may fail
    except ConfigError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        return _report(
            f"the configuration has {counted(len(error.problems), 'problem')}:\n{problems}",
            error.hint,
            error.exit_code,
        )
    except OcrspoolError as error:
        return _report(error.message, error.hint, error.exit_code)
    except PermissionError as error:
        return _report(in_words(error), "run this as the service's user (sudo -u), or as root", Exit.NO_PERMISSION)
    except BrokenPipeError:  # the reader of our output has gone, `| head` for instance
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as error:
        return _report(in_words(error), "", Exit.IO)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _report(message: str, hint: str, code: Exit) -> int:
    print(f"ocrspool: {message}", file=sys.stderr)
    if hint:
        print(f"ocrspool: {hint}", file=sys.stderr)
    return code
