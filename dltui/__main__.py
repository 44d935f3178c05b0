"""`python -m dltui` is `dltui`."""

from dltui.cli import main

main()
