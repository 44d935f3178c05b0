"""The command line. Commands are thin: what they need is imported when they run."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run `dltui`; errors that dltui raises on purpose become a message and an exit code."""
    from dltui.errors import DltuiError

    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        _run()
    except DltuiError as error:
        if debug:
            raise
        print(f"dltui: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe (`dltui runs | head`) went away: nothing is left to say.
        sys.stderr.close()
        sys.exit(0)


def _run() -> None:
    if len(sys.argv) == 1 and not any(name.endswith("_COMPLETE") for name in os.environ):
        # Home needs no parser of the command line, and its first frame does not wait for one.
        from dltui.cli.screens import open_home

        sys.exit(open_home(None))
    from dltui.cli.app import app

    app()
