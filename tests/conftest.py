"""What every test starts from."""

import signal

# A shell that runs the suite in the background ignores Ctrl-C for it, and a process started by a
# test would inherit that: the tests that interrupt one would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
