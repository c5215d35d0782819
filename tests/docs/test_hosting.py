"""The check of a hosted leaderboard, docs/how-to/leaderboard-check.yml: its commands run in a repository of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "docs" / "how-to" / "leaderboard-check.yml"

pytestmark = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("git") and importlib.util.find_spec("cryptography")),
    reason="the check is written for bash and git, and signatures need the extra [sign]",
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one submission on a branch, and a `harness` that is this one."""
    spec = importlib.util.spec_from_file_location("runs_to_submit", ROOT / "tests" / "faults" / "bundles.py")
    assert spec is not None
    assert spec.loader is not None
    bundles = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bundles)
    place = tmp_path / "board"
    run = bundles.make_run(place)
    (place / "m.yaml").rename(place / "benchmark.yaml")
    shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(place / "runs")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "harness").write_text(f'#!/bin/sh\nexec {sys.executable} -m harness "$@"\n')
    (tmp_path / "bin" / "harness").chmod(0o755)
    _run(
        place,
        "git init -q -b main && git add -A && git commit -qm begin && git update-ref refs/remotes/origin/main HEAD",
    )
    return place


def _run(place: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    who = {f"GIT_{role}_{field}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    path = f"{place.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    home = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(
        ["bash", "-e", "-c", command],  # as the CI runs a step
        cwd=place,
        env={**os.environ, **who, **home, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _check(place: Path) -> subprocess.CompletedProcess[str]:
    """The steps of the workflow in their order; the last one that ran."""
    [job] = yaml.safe_load(WORKFLOW.read_text())["jobs"].values()
    steps: list[dict[str, Any]] = [step for step in job["steps"] if "run" in step and "pip install" not in step["run"]]
    assert len(steps) == 3
    for step in steps:
        environment = {
            name: value.replace("${{ github.base_ref }}", "main") for name, value in step.get("env", {}).items()
        }
        done = _run(place, step["run"], GITHUB_STEP_SUMMARY=str(place.parent / "summary.md"), **environment)
        if done.returncode:
            break
    return done


def test_the_workflow_has_no_rights_and_no_secrets() -> None:
    plain = yaml.safe_load(WORKFLOW.read_text())
    assert plain["permissions"] == {"contents": "read"}
    assert list(plain[True]) == ["pull_request"]  # YAML reads `on` as true
    assert "secrets" not in WORKFLOW.read_text()


@pytest.mark.slow
def test_the_check_takes_an_honest_submission_and_no_other(repository: Path) -> None:
    _make_key(repository.parent)
    (repository / "allowed_signers").write_text(f"ann {(repository.parent / 'key.pub').read_text()}\n")
    _run(repository, "git add -A && git commit -qm signers && git update-ref refs/remotes/origin/main HEAD")
    submit = "mkdir -p submissions && harness bundle ../run -o submissions/ann.bundle --sign ../key"
    assert _run(repository, submit).returncode == 0
    _run(repository, "git add -A && git commit -qm submission")
    done = _check(repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified, signed by ann" in (repository / "board.md").read_text()
    # Somebody else's name on it, then a signer added by the submission itself.
    _run(repository, "git mv submissions/ann.bundle submissions/bob.bundle")
    _run(repository, "git mv submissions/ann.bundle.sig submissions/bob.bundle.sig && git commit -qm bob")
    assert _check(repository).returncode == 5
    _run(repository, "sed -i s/ann/bob/ allowed_signers && git commit -qam trusted")
    done = _check(repository)
    assert done.returncode == 1
    assert "it also changes: allowed_signers" in done.stdout


def _make_key(place: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    (place / "key").write_bytes(private.private_bytes(*form))
    public = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    (place / "key.pub").write_bytes(private.public_key().public_bytes(*public))
