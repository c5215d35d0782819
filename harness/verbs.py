"""The verbs of the command line, as data: `harness --help` shows them without importing anything of the harness.

A plugin adds verbs by the hook `harness_commands`, through which those that are listed here arrive as well.
"""

from __future__ import annotations

from collections.abc import Mapping

VERBS: Mapping[str, tuple[str, str]] = {
    "run": ("harness.cli.run:command", "Judge, score and print the leaderboard of a manifest."),
    "train": ("harness.training.command:command", "Train a judge by a recipe."),
    "score": ("harness.report.commands.score:command", "Score a run again from its journal, without asking any judge."),
    "leaderboard": ("harness.library.commands.leaderboard:command", "Print the leaderboard of runs and bundles."),
    "report": ("harness.view.commands.report:command", "Write a run, or several, into one HTML file to look at."),
    "view": ("harness.view.commands.view:command", "Look at a run in the browser, also while it goes on."),
    "compare": ("harness.report.commands.compare:command", "Compare two judges on the same items."),
    "estimate": (
        "harness.report.commands.estimate:command",
        "Estimate a rate of unlabelled items from labels and a judge's verdicts.",
    ),
    "plan": (
        "harness.report.commands.plan:command",
        "Say how many items show a difference, or which difference they show.",
    ),
    "bundle": ("harness.bundle.commands.bundle:command", "Put a run into one file, to hand over."),
    "verify": (
        "harness.bundle.commands.verify:command",
        "Compute every number of a bundle or a run again, and say which rows hold.",
    ),
    "push": ("harness.push.command:command", "Push a run to a repository of a hub: report, bundle and scores."),
    "explain": (
        "harness.explain.command:command",
        "Say why the judges of a run said so, each number beside its control.",
    ),
    "card": ("harness.card.command:command", "Write the transparency sheet of a judge."),
    "drift": ("harness.drift.command:command", "Ask frozen questions again, and say whether judges changed."),
    "list": ("harness.inspection.list:command", "List what is installed: tasks, judges, rewards, trainers, and so on."),
    "show": ("harness.inspection.show:command", "Show a plugin object, sample a task, or print a resolved manifest."),
    "data": ("harness.fetch.command:command", "Say where a benchmark's data are, fetch them, and check what is there."),
    "validate": ("harness.inspection.validate:command", "Check manifests without running them."),
    "plugins": ("harness.inspection.plugins:command", "List the installed plugins and what became of them."),
    "merge": ("harness.shards.command:command", "Merge the shards of a run."),
    "doctor": (
        "harness.doctor.command:command",
        "Say what is wrong with this installation, or which splits share images.",
    ),
    "check": ("harness.authoring.check:command", "Run the conformance checks on a plugin."),
    "new": ("harness.authoring.new:command", "Start a new plugin distribution."),
}
"""Name of a verb to the place of its `click.Command` and one line of help, in the order of `--help`."""
