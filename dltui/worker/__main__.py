"""`python -m dltui.worker RUN_FOLDER [--resume]`."""

import sys

from dltui.worker.start import main

sys.exit(main())
