"""A whole `harness run` inside a test: judges are asked, answers read and scored, and reports written, in one call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.api import HarnessError
from harness.discovery import Plugins


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRun:
    """What a run came to."""

    folder: Path
    """The run folder, with `leaderboard.json`, `scores.json` and the other files of a run."""
    leaderboard: Mapping[str, Any]
    """The content of `leaderboard.json`; empty where nothing was judged."""
    failed: int
    """Answers that failed (status `error`), over all tasks and judges."""
    stopped: Mapping[str, str]
    """Judges that could not go on, and why."""

    def row(self, *, task: str, judge: str) -> Mapping[str, Any]:
        """The row of one judge on one task, such as `row(task="safety", judge="random")["value"]`.

        Raises:
            LookupError: There is no such row, or there are several, one for each group; the rows are named.
        """
        rows: list[Mapping[str, Any]] = self.leaderboard.get("rows", [])
        found = [row for row in rows if row["task"] == task and row["judge"] == judge]
        if len(found) == 1:
            return found[0]
        known = ", ".join(sorted({f"{row['judge']} on {row['task']}" for row in rows})) or "none"
        raise LookupError(f"{len(found)} rows of {judge} on {task}; there are {known}")


class ManifestRunner:
    """Runs manifests in a folder of its own; the fixture `run_manifest` is one.

    Args:
        folder: An empty folder, such as pytest's `tmp_path`. Paths in a manifest are relative to it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self, manifest: str | Mapping[str, Any] | Path, *, sets: Sequence[str] = (), plugins: Sequence[str] = ()
    ) -> ManifestRun:
        """Run a manifest as `harness run` does; judges with a recipe are trained first.

        Args:
            manifest: A mapping, or the text of one in YAML; the path of a file; or the name of a manifest that a
                plugin ships, such as `mine/example`.
            sets: What would follow `--set`, such as `tasks.0.limit=10`.
            plugins: Python files or modules to use as plugins beside the installed ones, as with `--plugin`.

        Raises:
            UserError: As `harness run` would say it: the manifest, the plan, the data or a recipe cannot be used.
            HarnessError: The run was interrupted.
        """
        # Imported here, since it takes a second and most tests of a plugin run nothing.
        from harness.manifest.load import load_manifest
        from harness.pipeline.session import run_manifest
        from harness.progress import make_progress

        installed = Plugins.load(extra=plugins)
        loaded = load_manifest(self._write(manifest), sets=sets, plugins=installed)
        session = run_manifest(
            loaded,
            installed,
            runs=self._folder / "runs",
            fresh=False,
            shard=None,
            progress=make_progress(),
            checkpoints=self._folder / "checkpoints",
        )
        if session.outcome.interrupted:
            raise HarnessError("the run was interrupted")
        board = None if session.report is None else session.report.leaderboard
        return ManifestRun(
            folder=session.folder,
            # Through JSON, so that a test sees what a reader of the file does: lists, and no tuples.
            leaderboard={} if board is None else json.loads(json.dumps(board)),
            failed=sum(session.outcome.errors.values()),
            stopped=dict(session.outcome.stopped),
        )

    def _write(self, manifest: str | Mapping[str, Any] | Path) -> Path:
        """The file of a manifest. Text that is no mapping is a path or a name."""
        if isinstance(manifest, Path):
            return manifest
        if isinstance(manifest, str) and not isinstance(yaml.safe_load(manifest), dict):
            return Path(manifest)
        text = manifest if isinstance(manifest, str) else yaml.safe_dump(dict(manifest), sort_keys=False)
        path = self._folder / "manifest.yaml"
        path.write_text(text, encoding="utf-8")
        return path
