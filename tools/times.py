"""Where the time of tests goes: CPU seconds of each test, its set-up, its tear-down and the processes that it started.

    python -m pytest -p tools.times -n 2 tests/score

The clock of the wall says little on a busy machine, and `--durations` is a clock of the wall. What a fixture of a
module or of the session costs is charged to the first test that asks for it. A process counts when it has been waited
for. `TIMES=PATH` writes one line a test, as `CPU seconds<TAB>wall seconds<TAB>test`, besides the summary.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

_SLOWEST = 25
_STARTED = pytest.StashKey[tuple[float, float]]()
_SPENT = pytest.StashKey[dict[str, tuple[float, float]]]()


def measure_cpu() -> float:
    """CPU seconds of this process and of those that it started and waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note when a test begins."""
    item.stash[_STARTED] = (measure_cpu(), time.monotonic())
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Put what was spent on the report of the tear-down, the last of a test. xdist carries it to the main process."""
    if call.when == "teardown":
        cpu, wall = item.stash[_STARTED]
        item.user_properties.append(("spent", (measure_cpu() - cpu, time.monotonic() - wall)))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Nothing is spent yet."""
    config.stash[_SPENT] = {}
    config.pluginmanager.register(_Collector(config.stash[_SPENT]), "times-collector")


class _Collector:
    def __init__(self, spent: dict[str, tuple[float, float]]) -> None:
        self.spent = spent

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            self.spent[report.nodeid] = dict(report.user_properties)["spent"]  # type: ignore[assignment]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The files and the tests that cost most."""
    spent = config.stash[_SPENT]
    files: Counter[str] = Counter()
    for test, (cpu, _) in spent.items():
        files[test.partition("::")[0]] += cpu  # type: ignore[assignment]
    terminalreporter.section(f"{sum(cpu for cpu, _ in spent.values()):.1f} CPU seconds in {len(spent)} tests")
    for file, cpu in files.most_common(_SLOWEST):
        terminalreporter.line(f"{cpu:8.2f}  {file}")
    terminalreporter.line("")
    slowest = sorted(spent.items(), key=lambda item: -item[1][0])[:_SLOWEST]
    for test, (cpu, wall) in slowest:
        terminalreporter.line(f"{cpu:8.2f}  {wall:8.2f} wall  {test}")
    if path := os.environ.get("TIMES"):
        lines = (f"{cpu:.3f}\t{wall:.3f}\t{test}\n" for test, (cpu, wall) in spent.items())
        Path(path).write_text("".join(lines), encoding="utf-8")
