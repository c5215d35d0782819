from __future__ import annotations

import pytest

from harness.api import Measurement
from harness.drift.records import CellDrift, DriftReport
from harness.drift.text import to_markdown


def report_of(evidence: float, needed: float) -> DriftReport:
    cell = CellDrift(
        task="items",
        judge="moody",
        n=40,
        anchors=40,
        anchors_first=40,
        anchors_both=40,
        failed=0,
        changed=1,
        noise=Measurement(0.0, 0.0, 0.05),
        since_first=Measurement(0.025, 0.0, 0.1),
        since_last=None,
        flips=(),
        evidence=evidence,
        needed=needed,
        alarm="d2" if evidence >= needed else None,
        metric="accuracy",
        unit="share",
        greater_is_better=True,
        score_first=0.9,
        score_now=0.9,
        score_change=Measurement(0.0, -0.1, 0.1),
        p_adjusted=1.0,
        first_position_before=None,
        first_position_now=None,
        unread_before=0.0,
        unread_now=0.0,
    )
    return DriftReport(
        manifest="moods", snapshots=("d1", "d2"), alpha=0.05, confidence=0.95, cells=(cell,), judges=(), unwatched=()
    )


@pytest.mark.parametrize(
    ("evidence", "needed", "said"),
    [
        (1.56, 1.602, "1.5 of 1.6"),
        (1.602, 1.602, "1.6 of 1.6"),
        (1.93, 1.98, "1.9 of 2.0"),
        (-0.04, 1.6, "0.0 of 1.6"),
        (-0.3, 1.6, "-0.3 of 1.6"),
    ],
)
def test_evidence_that_is_short_of_an_alarm_is_not_rounded_up_to_it(evidence: float, needed: float, said: str) -> None:
    assert f"| {said} |" in to_markdown(report_of(evidence, needed))
