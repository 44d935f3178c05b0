"""What was tried against runs, and what was lost: `python -m benchmarks.reliability`."""
