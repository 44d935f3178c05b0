"""`python -m dltui.worker RUN_FOLDER [--resume]`."""

import sys

from dltui.worker.output import outlive_full_disk
from dltui.worker.start import main

outlive_full_disk()
sys.exit(main())
