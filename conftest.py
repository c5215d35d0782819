"""For every test of this repository, the plugins' included."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from hypothesis import settings

from harness.libraries.secrets import forget_secrets

# One thread for every numeric library, in this process and in those that tests start: several workers, or two threads
# on two shared cores, would wait for one another most of the time.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# A deadline for each example measures how busy the machine is, and fails at random. A test has a time limit as a whole.
settings.register_profile("without deadlines", deadline=None)
settings.load_profile("without deadlines")

# Most tests that make a run look at its numbers. The pages have tests of their own, which ask for them.
os.environ.setdefault("HARNESS_REPORT", "no")

pytest_plugins = ["harness.pytest_plugin"]

# Tests make many objects and little garbage: it is looked for less often than Python would.
gc.set_threshold(20_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs torchvision where there is none, and put slow tests first."""
    if find_spec("torchvision") is None:
        missing = pytest.mark.skip(reason="Qwen-VL's processors need torchvision, which is not installed; see .ci/run")
        for item in items:
            if item.get_closest_marker("torchvision"):
                item.add_marker(missing)
    _put_slow_tests_first(items)


def _put_slow_tests_first(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, those with most of them at the very front.

    A file stays on one worker, for its fixtures. One that begins last and takes a minute leaves the other workers with
    nothing to do: xdist's own order, by the number of tests, did that (`--no-loadscope-reorder` turns it off).
    """
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])  # a stable sort: within a file, and among equals, as collected


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Find the tests without looking for garbage, which is a quarter of the time: 20,000 tests are millions of objects.

    They stay to the end, so that no collection of garbage need look at them again and again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> Iterator[None]:
    """What one test hides may be an ordinary word of the next."""
    yield
    forget_secrets()
