"""Small real runs, as the tests of the worker have them."""

from tests.worker.conftest import make_run

__all__ = ["make_run"]
