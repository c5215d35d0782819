"""Weights & Biases: a run of the project `WANDB_PROJECT`, or of the folder `wandb` where `WANDB_MODE=offline`.

All that its library collects by itself is off: the command line, names of machine and user, code, git and console.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from harness_trackers.records import Opening, Outcome

_PROJECT = "judge-harness"


class WandB:
    """One run of the library."""

    def __init__(self, opening: Opening) -> None:
        """Find where it is."""
        import wandb

        self._wandb, self._opening = wandb, opening
        self._project = os.environ.get("WANDB_PROJECT") or _PROJECT
        settings = wandb.Settings()
        settings.update_from_env_vars(os.environ)
        # Offline data are carried to the service by `wandb sync`, under the same id.
        where = "offline" if settings.mode == "offline" else settings.base_url
        self.place = " ".join(filter(None, (where, settings.entity, self._project)))
        self._run: Any = None

    def open(self, run_id: str) -> str:
        """Begin the run, or go on with it."""
        opening = self._opening
        self._run = self._wandb.init(
            project=self._project,
            id=run_id,
            name=opening.name,
            group=opening.group[:128],
            job_type=opening.kind,
            resume="allow",
            dir=os.environ.get("WANDB_DIR") or opening.folder,
            settings=self._settings(),
        )
        self._run.config.update(dict(opening.params), allow_val_change=True)
        return str(self._run.url or Path(self._run.dir).parent)

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Add points."""
        self._run.log(dict(metrics), step=step)

    def flush(self) -> None:
        """Its own process has them on the disk already, and sends them."""

    def finish(self, outcome: Outcome, files: list[Path]) -> None:
        """Send numbers as the summary of the run, and files as an artifact."""
        self._run.summary.update(dict(outcome.metrics))
        self._run.config.update({"tags": dict(outcome.tags)}, allow_val_change=True)
        if files:
            artifact = self._wandb.Artifact(f"{self._opening.kind}-{self._run.id}", type=self._opening.kind)
            for path in files:
                artifact.add_file(str(path))
            self._run.log_artifact(artifact)

    def close(self, state: str) -> None:
        """End the run, which waits until all is sent."""
        self._run.finish(exit_code=0 if state == "finished" else 1)

    def _settings(self) -> Any:
        return self._wandb.Settings(
            console="off",
            disable_code=True,
            disable_git=True,
            host=os.environ.get("WANDB_HOST") or "not sent",
            save_code=False,
            silent=True,
            init_timeout=self._opening.wait_s,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )


def make(opening: Opening) -> WandB:
    """The service."""
    return WandB(opening)
