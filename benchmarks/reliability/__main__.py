"""Tries what the README promises and prints one table of what was tried and what was lost.

    python -m benchmarks.reliability [--only kill-logging …] [--times N] [--minutes N] [--json]

Exit code 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.reliability.rows import Experiment, Plan, table

_HOMES = {
    "kill-logging": "kill_logging",
    "kill-worker": "real_worker",
    "signal-worker": "real_worker",
    "death-shown": "death_shown",
    "every-operation": "every_operation",
    "kill-checkpoints": "kill_checkpoints",
    "disk-full": "disk_full",
    "random-keys": "random_keys",
    "random-garbage": "random_keys",
    "soak": "soak",
}


def experiment(name: str) -> Experiment:
    """The experiment of that name; those that need torch import it only now."""
    module = importlib.import_module(f"benchmarks.reliability.{_HOMES[name]}")
    found: Experiment = getattr(module, name.replace("-", "_"))
    return found


def main() -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.reliability", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(_HOMES), default=list(_HOMES))
    parser.add_argument("--times", type=int, help="how often; each has a number of its own")
    parser.add_argument("--minutes", type=float, help="how long, for those that take their time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for name in options.only:
        with tempfile.TemporaryDirectory(prefix="dltui-") as folder:
            plan = Plan(Path(folder), options.times, options.minutes, options.seed)
            rows.append(experiment(name)(plan))
        print(f"{name}: {rows[-1].lost} lost, {rows[-1].seconds:.0f} s", file=sys.stderr)
        for loss in rows[-1].losses[:20]:
            print(f"  {loss}", file=sys.stderr)
    print(json.dumps([row.plain() for row in rows]) if options.json else table(rows))
    return 1 if any(row.lost for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
