"""The command line. Commands are thin: what they need is imported when they run."""

from __future__ import annotations

import gc
import io
import os
import sys
from typing import cast


def main() -> None:
    """Run `dltui`; errors that dltui raises on purpose become a message and an exit code.

    Where the reader of a pipe went away (`dltui runs | head`) nothing is left to say: code 0.
    """
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    # A terminal or pipe that cannot show a character shows `?` for it.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        code = _exit_code(debug=debug)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        code = 0
    except SystemExit as end:
        # Rich and Typer turn a broken pipe into exit code 1.
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        code = 0
    except OSError as error:
        if debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"dltui: {where}{error.strerror or error}", file=sys.stderr)
        _drop_output()
        code = 2
    # What goes with the process need not be searched for garbage first.
    gc.freeze()
    sys.exit(code)


def _exit_code(*, debug: bool) -> int:
    from dltui.errors import DltuiError

    try:
        if len(sys.argv) == 1 and not any(name.endswith("_COMPLETE") for name in os.environ):
            # Home needs no parser of the command line; its first frame does not wait for one.
            from dltui.cli.screens import open_home

            return open_home(None)
        if sys.argv[1:2] == ["inspect"]:
            # Nor does the list of a checkpoint, which is to be there at once.
            code = _listing()
            if code is not None:
                return code
        return _command_line()
    except DltuiError as error:
        if debug:
            raise
        # What it tells may come from a file.
        from dltui.runs.clean import printable

        print(f"dltui: {printable(str(error), lines=True)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _listing() -> int | None:
    """`dltui inspect FILE [--json]`; None where the command line says more than that.

    What is imported stays to the end: to look for garbage among it only takes time.
    """
    gc.disable()
    try:
        from dltui.cli.inspect import inspect, simple_look

        look = simple_look(sys.argv[2:])
    finally:
        gc.enable()
    return None if look is None else inspect(look)


def _command_line() -> int:
    from typer import Abort, BadParameter

    from dltui.cli.app import app

    # Not exported by Typer itself: the base of all that is wrong with a command line.
    usage_error = cast("type[BadParameter]", BadParameter.__bases__[0])
    try:
        return int(app(prog_name="dltui", standalone_mode=False) or 0)
    except usage_error as error:
        error.show()
        return 2
    except Abort:
        return 130


def _drop_output() -> None:
    """What is still buffered would raise once more when the interpreter ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
