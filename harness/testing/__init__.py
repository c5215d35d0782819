"""What a plugin author tests with: conformance checks, whole runs, a fake judge, a fake context, odd pictures.

Not used by the harness itself.

from harness.testing import parametrize_with_checks

@parametrize_with_checks("mine")  # the plugin and all that it offers
def test_conformance(check):
    check()

def test_the_example_runs(run_manifest):  # a fixture of the harness
    assert run_manifest("mine/example").failed == 0
"""

from __future__ import annotations

from harness.testing._checks import checks_for
from harness.testing._context import FakeContext
from harness.testing._fake_judge import FakeJudge
from harness.testing._formats import format_checks, make_request, read
from harness.testing._judges import judge_checks
from harness.testing._metrics import metric_checks
from harness.testing._parametrize import parametrize_with_checks
from harness.testing._pictures import odd_pictures
from harness.testing._rewards import reward_checks
from harness.testing._runner import ManifestRun, ManifestRunner
from harness.testing._scoring import score_task
from harness.testing._subject import Check
from harness.testing._tasks import task_checks
from harness.testing._trainers import trainer_checks

__all__ = [
    "Check",
    "FakeContext",
    "FakeJudge",
    "ManifestRun",
    "ManifestRunner",
    "checks_for",
    "format_checks",
    "judge_checks",
    "make_request",
    "metric_checks",
    "odd_pictures",
    "parametrize_with_checks",
    "read",
    "reward_checks",
    "score_task",
    "task_checks",
    "trainer_checks",
]
