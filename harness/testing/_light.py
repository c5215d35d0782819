"""Whether loading a plugin's module is light: every `harness` command loads every plugin.

Measured in a fresh process, against what the harness itself takes to start, so that the rule is the same on a slow
machine and on a fast one. Not for what a factory imports.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache

from harness.api import PluginError
from harness.discovery import KINDS

HEAVY = ("torch", "transformers", "datasets", "numpy", "pandas", "sklearn", "scipy", "PIL", "matplotlib")
"""What no plugin may import when it is loaded, however quick that is here."""

SHARE = 0.2
"""A plugin may take this share of the CPU that the harness itself takes to start."""

WAIT = 1.0
"""Seconds that loading may spend without using the CPU: on the network, or asleep."""

_TRIES = 3
_MARK = "harness is loaded"
_CODE = f"""
import sys, time, importlib, json
cpu = time.process_time()
import harness.discovery
own = time.process_time() - cpu
print({_MARK!r}, file=sys.stderr)
cpu, clock = time.process_time(), time.perf_counter()
module = importlib.import_module(sys.argv[1])
for kind in {KINDS!r}:
    list(getattr(module, f"harness_{{kind}}s", list)())
cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
heavy = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps({{"own": own, "cpu": cpu, "clock": clock, "heavy": heavy}}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """What loading a module took, in seconds."""

    own: float
    """CPU that the harness itself took before."""
    cpu: float
    """CPU that the module and its registration hooks took."""
    clock: float
    """The same by the clock."""
    heavy: tuple[str, ...]
    """The packages of `HEAVY` that it imported."""

    @property
    def light(self) -> bool:
        """Whether it keeps to the rule."""
        return not self.heavy and self.cpu <= SHARE * self.own and self.clock - self.cpu <= WAIT


def check_light(module: str) -> None:
    """See that loading a module keeps to the rule.

    Raises:
        AssertionError: It does not; what takes the time is named.
        PluginError: It cannot be imported.
    """
    loading = measure_loading(module)
    fix = "name factories and options as 'module:attribute' strings instead, and import there"
    assert not loading.heavy, (
        f"loading {module} imports {', '.join(loading.heavy)}, which makes every `harness` command slow; {fix}"
    )
    assert loading.cpu <= SHARE * loading.own, (
        f"loading {module} takes {loading.cpu * 1e3:.0f} ms of CPU, and the harness itself {loading.own * 1e3:.0f}; up "
        f"to {SHARE:.0%} of that is fair, as every command pays it. The most expensive are {_most_expensive(module)}; "
        f"{fix}"
    )
    assert loading.clock - loading.cpu <= WAIT, (
        f"loading {module} takes {loading.clock:.1f} s by the clock and {loading.cpu * 1e3:.0f} ms of CPU: it waits "
        "for something, and so does every command; wait in the factory instead"
    )


@cache
def measure_loading(module: str) -> Loading:
    """Load a module in a fresh process; again where it was slow, since another program may have been the cause.

    Raises:
        PluginError: It cannot be imported.
    """
    best = _measure(module)
    for _ in range(_TRIES - 1):
        if best.light or best.heavy:
            break
        # The least of several: another program can only make it slower.
        best = min(best, _measure(module), key=lambda loading: (loading.cpu / loading.own, loading.clock))
    return best


def _measure(module: str) -> Loading:
    # The last line: a module may print while it is imported.
    said = json.loads(_run(module).stdout.splitlines()[-1])
    return Loading(own=said["own"], cpu=said["cpu"], clock=said["clock"], heavy=tuple(said["heavy"]))


def _most_expensive(module: str) -> str:
    """The packages in which most of the time goes, by the clock."""
    taken: Counter[str] = Counter()
    for line in _run(module, "-X", "importtime").stderr.partition(_MARK)[2].splitlines():
        fields = line.removeprefix("import time:").split("|")
        if line.startswith("import time:") and fields[0].strip().isdigit():
            taken[fields[2].strip().partition(".")[0]] += int(fields[0])
    return ", ".join(f"{name} ({micros / 1e3:.0f} ms)" for name, micros in taken.most_common(3))


def _run(module: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *flags, "-c", _CODE, module]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise PluginError(f"importing {module} fails in a fresh process:\n{done.stderr.strip()[-2000:]}")
    return done
