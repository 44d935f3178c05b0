"""The benchmark of checkpoints runs to its end, in small, and says what it measured."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_benchmark_measures_every_side_in_small(tmp_path: Path) -> None:
    sizes = ["--megabytes", "1", "--width", "16", "--shards", "4", "--rounds", "0"]
    parts = ["--only", "listing", "shards", "--folder", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.checkpoints", *sizes, *parts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "times as fast in the middle of all rounds (at least 30)" in done.stdout
    assert "40 tensors of 4 shards, each opened 1 times at most" in done.stdout
    assert list(tmp_path.iterdir()) == []
