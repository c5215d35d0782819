"""MLflow: a run of an experiment at the server of `MLFLOW_TRACKING_URI`.

The low-level client: nothing of this machine is sent by itself, such as the user's name and the command line.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from harness.api import UserError
from harness_trackers.records import Opening, Outcome

_EXPERIMENT = "judge-harness"
_TAG = "judge_harness.id"
_METRICS, _OTHERS = 1000, 100  # the most that a server takes at once
_TRIES = "2"
_STATES = {"finished": "FINISHED", "stopped": "KILLED"}

T = TypeVar("T")


class MLflow:
    """Speaks to one server."""

    def __init__(self, opening: Opening) -> None:
        """Find where it is.

        Raises:
            UserError: No server is named.
        """
        uri = os.environ.get("MLFLOW_TRACKING_URI", "")
        if not uri:
            raise UserError("MLFLOW_TRACKING_URI is not set; set it to the address of your server")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # By default it tries for many minutes. A wait that the user has set stands.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(max(1, round(opening.wait_s / 4))))
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", _TRIES)
        self._opening, self._uri = opening, uri
        self._experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME") or _EXPERIMENT
        self.place = f"{uri} {os.environ.get('MLFLOW_EXPERIMENT_ID') or self._experiment}"
        self._client: Any = None
        self._run = ""
        self._points: list[tuple[str, float, int]] = []

    def open(self, run_id: str) -> str:
        """Find the run by its tag, or make it."""
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = MlflowClient(tracking_uri=self._uri)
        experiment = os.environ.get("MLFLOW_EXPERIMENT_ID") or self._find_experiment()
        found = self._client.search_runs([experiment], f"tags.`{_TAG}` = '{run_id}'", max_results=1)
        tags = {_TAG: run_id, "judge_harness.kind": self._opening.kind, "judge_harness.group": self._opening.group}
        if found:
            run = found[0]
            self._client.update_run(run.info.run_id, status="RUNNING")
        else:
            run = self._client.create_run(experiment, tags=tags, run_name=self._opening.name)
        self._run = run.info.run_id
        # A parameter cannot be changed once it is set.
        new = [Param(name, value) for name, value in self._opening.params.items() if name not in run.data.params]
        for part in _split(new, _OTHERS):
            self._client.log_batch(self._run, params=part)
        address = f"{self._uri.rstrip('/')}/#/experiments/{experiment}/runs/{self._run}"
        return address if self._uri.startswith("http") else f"{self._uri}, run {self._run}"

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Keep points until they are sent together."""
        self._points += [(name, value, step) for name, value in metrics.items()]

    def flush(self) -> None:
        """Send all points."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        while self._points:
            part = self._points[:_METRICS]
            self._client.log_batch(self._run, metrics=[Metric(name, value, now, step) for name, value, step in part])
            del self._points[:_METRICS]

    def finish(self, outcome: Outcome, files: list[Path]) -> None:
        """Send numbers, tags and files, in this order: files may be refused where numbers are taken."""
        from mlflow.entities import RunTag

        self.log(0, dict(outcome.metrics))
        self.flush()
        for part in _split([RunTag(name, value) for name, value in outcome.tags.items()], _OTHERS):
            self._client.log_batch(self._run, tags=part)
        for path in files:
            self._client.log_artifact(self._run, str(path))

    def close(self, state: str) -> None:
        """Say how it ended."""
        self._client.set_terminated(self._run, status=_STATES[state])

    def _find_experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(self._experiment)
        if found is None:
            try:
                return str(self._client.create_experiment(self._experiment))
            except MlflowException:
                # Another process may have made it in between.
                found = self._client.get_experiment_by_name(self._experiment)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise UserError(
                f"experiment {self._experiment} was deleted at the server; restore it, or name another one by "
                "MLFLOW_EXPERIMENT_NAME"
            )
        return str(found.experiment_id)


def _split(records: list[T], size: int) -> Iterator[list[T]]:
    stream = iter(records)
    while part := list(islice(stream, size)):
        yield part


def make(opening: Opening) -> MLflow:
    """The service."""
    return MLflow(opening)
