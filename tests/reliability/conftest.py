"""Small real runs as the tests of the worker have them, and places as those of the whole have."""

from tests.e2e.conftest import place
from tests.worker.conftest import make_run

__all__ = ["make_run", "place"]
