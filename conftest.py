"""For every test of this repository, the plugins' included."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from harness.secrets import forget_secrets

# One thread for every numeric library, in this process and in those that tests start: several workers, or two threads
# on two shared cores, would wait for one another most of the time.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Most tests that make a run look at its numbers. The pages have tests of their own, which ask for them.
os.environ.setdefault("HARNESS_REPORT", "no")

pytest_plugins = ["harness.pytest_plugin"]


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> Iterator[None]:
    """What one test hides may be an ordinary word of the next."""
    yield
    forget_secrets()
