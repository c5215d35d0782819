"""Makes a judge of a plan again from its entry in the resolved manifest. No object of a plugin is ever sent.

The plan around it is empty: it has no tasks, no other judges and no journal. A judge that asks for them is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from harness.api import Example, Judgement, Placement, PluginError, Request, Usage, UserError
from harness.discovery import Offer, Plugins
from harness.libraries.config import Origin, interpolate, make_node, validate
from harness.manifest.documents import DocumentResolver
from harness.manifest.model import JudgeEntry
from harness.manifest.problems import ManifestProblems
from harness.runner.context import PlanContext
from harness.runner.plan import thinking_of, unfold_entry
from harness.runner.planned import Plan, PlannedJudge


@dataclass(frozen=True, kw_only=True)
class LoneContext(PlanContext):
    """The context of a judge whose plan is in another process."""

    def examples(self, task: str, split: str) -> Iterator[Example]:
        """Refused: the task's data are where the run is."""
        self._refuse()

    def fingerprint(self, name: str) -> str:
        """Refused, as `examples`."""
        self._refuse()

    def total_usage(self) -> Usage:
        """Refused: the journal is where the run is. A budget counted here would be spent once for each worker."""
        self._refuse()

    def ask(self, judge: str, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Refused: the other judge's answers are where the run is."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UserError(
            f"judge {self.name}: reads other parts of the plan (examples, other judges, what was spent), which a "
            "worker does not have; have the executor ask it in the process of the run, and tell the plugin's authors "
            "to name the capability `plan`"
        )


def rebuild_judge(placement: Placement, plugins: Plugins, *, workspace: Path) -> PlannedJudge:
    """Make the judge.

    Args:
        placement: The judge.
        plugins: The plugins of this process.
        workspace: A folder for files of the plugin.

    Raises:
        UserError: It cannot be made here, or its answers would have another key than those of the run.
    """
    problems = ManifestProblems()
    resolver = DocumentResolver(plugins, problems)
    where = Origin(label=f"judge {placement.name} on this worker", folder=Path.cwd())
    root, secrets = interpolate(make_node({"judges": [placement.entry]}, where), problems)
    root = resolver.section(root, "judges", "", JudgeEntry)
    section = root.child("judges")
    node = section.child(0) if section is not None else None
    entry = None if node is None else validate(JudgeEntry, node, "judges.0", problems)
    problems.scrub(secrets)
    problems.raise_if_any()
    assert entry is not None
    reference = resolver.references["judges.0"]
    plan = Plan(seed=placement.seed, plugins=plugins, workspace=workspace)
    named = unfold_entry(plan, reference.offer, entry.name, None, reference.options)
    options = next((options for name, options in named if name == placement.name), None)
    judge = PlannedJudge(
        name=placement.name,
        offer=reference.offer,
        options=options,
        context=_make_context(plan, reference.offer, placement.name),
        thinking=thinking_of(entry.reasoning, reference.offer.card),
    )
    if judge.key != placement.key:
        raise PluginError(
            f"judge {placement.name}: its answers would have another key here than in the run: its weights, its "
            "options or the environment variables in them, or the code of its plugin differ; make them equal on every "
            "machine"
        )
    return judge


def _make_context(plan: Plan, offer: Offer, name: str) -> LoneContext:
    return LoneContext(name=name, data=None, seed=plan.seed, plan=plan, plugin=offer.id.partition("/")[0])
