"""The campaign's rows hold, each a few times; `campaign.py --scale full` is for people with an hour."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="it forks")
def test_nothing_gets_through() -> None:
    campaign = Path(__file__).with_name("campaign.py")
    done = subprocess.run([sys.executable, campaign, "--scale", "smoke"], capture_output=True, text=True, timeout=600)
    *said, last = done.stdout.splitlines()
    attacks = json.loads(last)["attacks"]
    assert done.returncode == 0, "\n".join([*said, done.stderr])
    assert len(attacks) >= 9
    assert all(tried > 0 for tried, _ in attacks.values())
