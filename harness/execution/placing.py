"""From a judge of the plan to what an executor is given: its entry as plain data, with the secrets left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from harness import DISTRIBUTION, __version__
from harness.api import Executor, Judge, Placement, UserError
from harness.manifest.entries import MODEL
from harness.runner.planned import Plan, PlannedJudge, check_contract, check_options

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest


def make_executor(plugins: Plugins, name: str, options: Sequence[str]) -> ExecutorPlacer:
    """The executor of a name, with its options checked.

    Args:
        plugins: The installed plugins.
        name: As after `--executor`.
        options: As after `--executor-option`: `key=value`, the value as in YAML.

    Raises:
        UserError: There is no such executor, or an option does not fit.
    """
    offer = plugins.find("executor", name)
    given: dict[str, Any] = {}
    for text in options:
        key, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[a-z][a-z0-9_]*", key):
            raise UserError(f"--executor-option {text[:80]!r}: write KEY=VALUE, such as workers=4")
        try:
            given[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"--executor-option {key}: {value[:80]!r} is no value of YAML; quote it") from error
    executor: Executor = offer.create(check_options(offer, given, who="--executor-option"), None)
    check_contract("executor", offer.id, executor, Executor)
    return ExecutorPlacer(executor=executor)


@dataclass(frozen=True, kw_only=True)
class ExecutorPlacer:
    """Has an executor ask judges of a plan. Implements `harness.api.JudgePlacer`."""

    executor: Executor
    """Where they are asked."""

    def place(self, judge: object, *, manifest: object, plan: object, say: Callable[[str], None]) -> Judge | None:
        """The stand-in of a judge that the executor asks elsewhere; `None` for one that is asked in this process.

        Raises:
            UserError: It can be asked nowhere.
        """
        loaded, made = cast("LoadedManifest", manifest), cast("Plan", plan)
        return self.executor.place(describe(cast("PlannedJudge", judge), loaded=loaded, plan=made), say)

    def close(self) -> None:
        """Free the executor."""
        self.executor.close()


def describe(judge: PlannedJudge, *, loaded: LoadedManifest, plan: Plan) -> Placement:
    """A judge of the plan as plain data."""
    number = int(judge.entry.rpartition(".")[2])
    written = loaded.content["judges"][number]
    # As it stands in the resolved manifest: paths are absolute, and secrets are the names of their variables.
    entry = {key: value for key, value in written.items() if key != "train"}
    if judge.model is not None:
        entry["with"] = {**entry.get("with", {}), MODEL: str(judge.model)}
    rows = [row for row in plan.plugins.rows if row.status == "ok"]
    resources = loaded.manifest.judges[number].resources
    # Who reads the answers counts too: a key names a format, and not its version.
    used = {judge.id.partition("/")[0], *(task.format.name.partition("/")[0] for task in plan.tasks)}
    return Placement(
        name=judge.name,
        entry=entry,
        seed=loaded.manifest.run.seed,
        key=judge.key,
        versions={DISTRIBUTION: __version__, **{row.distribution: row.version for row in rows if row.name in used}},
        capabilities=tuple(sorted(judge.offer.card.capabilities)),
        resources={} if resources is None else resources.model_dump(exclude_none=True),
        timeout=loaded.manifest.run.timeout,
        extra=tuple(_absolute(row.distribution) for row in rows if row.given),
        blocked=tuple(row.name for row in plan.plugins.rows if row.status == "blocked"),
        allowed=plan.plugins.allowed.absolute(),
    )


def _absolute(plugin: str) -> str:
    """A file of `--plugin` by its whole path, since a worker has another working directory. Modules keep their name."""
    return str(Path(plugin).resolve()) if plugin.endswith(".py") else plugin
