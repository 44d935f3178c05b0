"""The panes of a run: each shows one part of a snapshot and redraws only what changed."""
