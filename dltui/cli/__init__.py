"""The command line. Commands are thin: what they need is imported when they run."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `dltui`; errors that dltui raises on purpose become a message and an exit code."""
    from dltui.cli.app import app
    from dltui.errors import DltuiError

    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app()
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
