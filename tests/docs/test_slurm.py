"""The script of "Run under Slurm", read out of the page and run by a shell that plays Slurm."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "run-under-slurm.md"
FILES = ("scores.json", "leaderboard.json", "leaderboard.md", "leaderboard.csv")
PARTS, ITEMS = 2, 60

HARNESS = '#!/bin/sh\nexec {python} -m harness --plugin harness.execution.practice "$@"\n'
SBATCH = """#!/bin/bash
# One part after the other, each as Slurm would start it.
export SLURM_SUBMIT_DIR=$PWD
for SLURM_ARRAY_TASK_ID in $(seq 1 {parts}); do
  export SLURM_ARRAY_TASK_ID
  bash "$2" >> "logs/$SLURM_ARRAY_TASK_ID.log" 2>&1 || exit
done
"""


def blocks() -> tuple[str, str]:
    """The script of a part, and the commands that submit it and put the parts together."""
    script, commands = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return script, commands


def cut(text: str, old: str, new: str) -> str:
    """Replace what must be there once."""
    assert text.count(old) == 1, f"the page has {old!r} {text.count(old)} times"
    return text.replace(old, new)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the page's script for two parts, a manifest, and the programs that the script calls."""
    script, _ = blocks()
    # Two parts show all that eight do, and take a quarter of the time.
    (tmp_path / "judges.sbatch").write_text(cut(script, "\nparts=8\n", f"\nparts={PARTS}\n"))
    (tmp_path / "judges.yaml").write_text(
        f"name: judges\ntasks: [{{use: miniature/technical, with: {{items: {ITEMS}}}}}]\n"
        f"judges: [{{use: practice/worker, with: {{seconds: 0.005, log: {tmp_path / 'asked'}}}}}]\n"
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("harness", HARNESS.format(python=sys.executable)), ("sbatch", SBATCH.format(parts=PARTS))):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "node").mkdir()
    (tmp_path / "logs").mkdir()
    return tmp_path


def environment(place: Path) -> dict[str, str]:
    own = {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "TMPDIR": str(place / "node")}
    slurm = {"SLURM_SUBMIT_DIR": str(place), "SLURM_ARRAY_TASK_ID": "1"}
    return {**os.environ, **own, **slurm}


def asked(place: Path) -> int:
    log = place / "asked"
    return len(log.read_text().split()) if log.exists() else 0


def stop_part(place: Path, number: int) -> int:
    """Begin the first part, and send a signal to its shell, or kill the harness below it. Returns the exit code."""
    before = asked(place)
    # As Slurm does: a job is a session of its own.
    with subprocess.Popen(
        ["bash", "judges.sbatch"], cwd=place, env=environment(place), stderr=subprocess.PIPE, start_new_session=True
    ) as job:
        while asked(place) < before + 3:
            assert job.poll() is None
            time.sleep(0.01)
        if number == signal.SIGTERM:
            job.send_signal(number)
        else:
            os.kill(int((place / "asked").read_text().split()[-1]), number)
        try:
            job.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing is left, as should be
                os.killpg(job.pid, signal.SIGKILL)
    return job.returncode


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_parts_that_are_stopped_and_killed_come_to_the_bytes_of_a_run_without_parts(place: Path) -> None:
    _, commands = blocks()
    assert stop_part(place, signal.SIGKILL) == 128 + signal.SIGKILL
    kept = {path.name for path in next((place / "runs").iterdir()).iterdir()}
    assert "journal.sqlite" in kept
    assert stop_part(place, signal.SIGTERM) == 128 + signal.SIGTERM
    (part,) = (place / "runs").iterdir()
    assert not list(part.glob("journal.sqlite-*")), "what SQLite left of the attempt before is gone"
    assert not list((place / "node").iterdir()), "nothing is left on the node"
    before = asked(place)
    assert before < ITEMS / PARTS
    done = subprocess.run(
        ["bash", "-euc", cut(commands, "-of-8", f"-of-{PARTS}")],
        cwd=place,
        env=environment(place),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + "".join(path.read_text() for path in (place / "logs").iterdir())
    # Only what was in flight at the kill is asked a second time.
    assert asked(place) <= ITEMS + 5
    alone = ["harness", "run", "judges.yaml", "--runs", "alone"]
    subprocess.run(alone, cwd=place, env=environment(place), capture_output=True, check=True)
    (merged,) = (path for path in (place / "runs").iterdir() if "-shard-" not in path.name)
    (whole,) = (place / "alone").glob("judges-*")
    assert merged.name == whole.name
    for name in FILES:
        assert (merged / name).read_bytes() == (whole / name).read_bytes(), name


def test_the_numbers_of_the_page_agree() -> None:
    script, commands = blocks()
    assert "#SBATCH --array=1-8\n" in script
    assert "\nparts=8\n" in script
    assert "runs/judges-*-shard-*-of-8\n" in commands
    # The shell hears it, as the run is no step of `srun`.
    assert "#SBATCH --signal=B:TERM@" in script
    assert re.search(r"#SBATCH --output=logs/", script)
    assert commands.startswith("mkdir -p logs\n")
