"""The reference pages of the files that a run leaves, and of what verbs print as JSON."""

from __future__ import annotations

import inspect
import json
import sqlite3
import tempfile
from pathlib import Path

from _markdown import attribute_docs, docstring, field_table, table, with_block

from harness.api import UnreadReason
from harness.bundle import records as verification
from harness.bundle.differences import Difference
from harness.drift import records as drift_record
from harness.explain import records as explain_record
from harness.recorded.load import LeftOut
from harness.report import estimate as estimate_record
from harness.report import faithfulness as explained
from harness.report import plan as plan_record
from harness.report.records import SCHEMA, Leaderboard, LeaderboardRow
from harness.report.unread import UnreadAnswers, UnreadExample
from harness.report.usage import JudgeUsage
from harness.runner import database, folder, journal
from harness.score import flags as flag_rules
from harness.score.records import AltTest, AnnotatorTest, Ceiling, CellScores, Comparison, Estimate, MetricCeiling
from harness.score.trust import Calibration, CoveragePoint, Guarantee, Noise, ReliabilityBin


def run_folder() -> str:
    """The files of a run folder, the tables of the journal and the fields of `scores.json`."""
    lines = ["# Run folder", "", *with_block(folder.__doc__), "", "## Journal", "", *with_block(journal.__doc__), ""]
    lines += [f"Schema version {database.Database.version}. Columns in **bold** are the primary key.", ""]
    for name, columns in journal_tables().items():
        shown = ", ".join(f"**`{column}`**" if key else f"`{column}`" for column, key in columns)
        lines += [f"- `{name}`: {shown}"]
    lines += ["", "## `run.json`", "", "What a reader needs to run this again; no score depends on it.", ""]
    lines += [f"- `{name}`" for name in _record_fields()]
    lines += ["", "## `scores.json`", "", "One object for each cell, under `cells`:", "", *field_table(CellScores)]
    lines += ["", "Each estimate among them:", "", *field_table(Estimate), ""]
    lines += ["The ceiling is as in [`leaderboard.json`](leaderboard-json.md).", ""]
    return "\n".join(lines)


def leaderboard_json() -> str:
    """The fields of `leaderboard.json`."""
    reasons = attribute_docs(UnreadReason)
    return "\n".join(
        [
            "# `leaderboard.json`",
            "",
            f"The schema is `{SCHEMA}`. Fields may be added within a version; none changes its meaning. Values are",
            "fractions rounded to six decimals; a value that is not defined is `null`.",
            "",
            "## The leaderboard",
            "",
            f"- `schema`: `{SCHEMA}`",
            "",
            *field_table(Leaderboard),
            "",
            "## Each of `rows`",
            "",
            *field_table(LeaderboardRow),
            "",
            "Its `calibration`, explained in [Calibration and noise](../../explanation/calibration.md):",
            "",
            *field_table(Calibration),
            "",
            "Each of the `bins`:",
            "",
            *field_table(ReliabilityBin),
            "",
            "Each point of the `curve`:",
            "",
            *field_table(CoveragePoint),
            "",
            "Each of the `guarantees`:",
            "",
            *field_table(Guarantee),
            "",
            "Its `noise`:",
            "",
            *field_table(Noise),
            "",
            "Its `ceiling`, where several people annotated items;",
            "[The human ceiling](../../explanation/human-ceiling.md) has the formulas:",
            "",
            *field_table(Ceiling),
            "",
            "Each of its `metrics`:",
            "",
            *field_table(MetricCeiling),
            "",
            "Its `alt_test`:",
            "",
            *field_table(AltTest),
            "",
            "Each of the `tests` in that:",
            "",
            *field_table(AnnotatorTest),
            "",
            "## Each of `comparisons`",
            "",
            *field_table(Comparison),
            "",
            "## Each of `usage`",
            "",
            *field_table(JudgeUsage),
            "",
            "## Each of `left_out`",
            "",
            *field_table(LeftOut),
            "",
            "## Each of `unread`",
            "",
            *field_table(UnreadAnswers),
            "",
            "Each of its `examples`:",
            "",
            *field_table(UnreadExample),
            "",
            "## Each of `faithfulness`",
            "",
            *field_table(explained.Faithfulness),
            "",
            "## Reasons",
            "",
            "Why an answer has no verdict; [the texts can be shown](../../how-to/see-what-was-not-read.md).",
            "",
            *table(("reason", "meaning"), [(f"`{one}`", reasons[one.name]) for one in UnreadReason]),
            "",
            "## Flags",
            "",
            docstring(inspect.getdoc(flag_rules.flags)).partition("**Args**")[0],
            "",
            docstring(inspect.getdoc(flag_rules.find_interval_flags)).partition("**Args**")[0],
            "",
            "The leaderboard adds `partial` (the run has not finished the cell), `depends-on-missing` (the place",
            "depends on what the missing answers were), of a bundle `does-not-hold` (its numbers are not those of its",
            "judgements) and, for suites, `incomplete` (the judge answered only some of the tasks).",
            "",
        ]
    )


def estimate_json() -> str:
    """The fields of what `harness estimate --json` prints."""
    return "\n".join(
        [
            "# `harness estimate --json`",
            "",
            f"The schema is `{estimate_record.SCHEMA}`. Fields may be added within a version; none changes its",
            "meaning.",
            "Shares are fractions, rounded to six decimals; what is not defined is `null`. How to use it is in",
            "[Estimate a rate](../../how-to/estimate-a-rate.md), and the formulas are in",
            "[What a verdict is worth](../../explanation/downstream.md).",
            "",
            f"- `schema`: `{estimate_record.SCHEMA}`",
            "",
            *field_table(estimate_record.Estimates),
            "",
            "## Each of `estimates`",
            "",
            *field_table(estimate_record.Correction),
            "",
        ]
    )


def plan_json() -> str:
    """The fields of what `harness plan --json` prints."""
    return "\n".join(
        [
            "# `harness plan --json`",
            "",
            f"The schema is `{plan_record.SCHEMA}`. Fields may be added within a version; none changes its meaning.",
            "Differences are in units of the metric, a share as a fraction; what is not defined is `null`. How to use",
            "it is in [Plan how many items](../../how-to/plan-how-many-items.md), and the formulas are in",
            "[What a verdict is worth](../../explanation/downstream.md).",
            "",
            f"- `schema`: `{plan_record.SCHEMA}`",
            "",
            *field_table(plan_record.ItemPlan),
            "",
            "## Each of `rows`",
            "",
            *field_table(plan_record.PlanRow),
            "",
        ]
    )


def drift_json() -> str:
    """The fields of what `harness drift --json` prints."""
    return "\n".join(
        [
            "# `harness drift --json`",
            "",
            f"The schema is `{drift_record.SCHEMA}`. Fields may be added within a version; none changes its meaning.",
            "The lists `cells` and `judges` stand in each line of `history.jsonl` too, as they were then. How to",
            "use it is in [Watch a judge for drift](../../how-to/watch-a-judge-for-drift.md).",
            "",
            f"- `schema`: `{drift_record.SCHEMA}`",
            "",
            *field_table(drift_record.DriftReport),
            "",
            "## Each of `cells`",
            "",
            *field_table(drift_record.CellDrift),
            "",
            "A measurement has `value`, `low` and `high`.",
            "",
            "## Each of `flips`",
            "",
            *field_table(drift_record.Flip),
            "",
            "## Each of `judges`",
            "",
            *field_table(drift_record.JudgeDrift),
            "",
        ]
    )


def explanations_json() -> str:
    """The fields of `explanations.json`."""
    return "\n".join(
        [
            "# `explanations.json`",
            "",
            f"The schema is `{explained.SCHEMA}`. Fields may be added within a version; none changes its meaning.",
            "`harness explain` writes it into the run folder, and prints it with `--json`. How to use it is in",
            "[Ask why a judge said so](../../how-to/ask-why-a-judge-said-so.md).",
            "",
            f"- `schema`: `{explained.SCHEMA}`",
            "",
            *field_table(explain_record.Explanations),
            "",
            "## Each of `findings`",
            "",
            *field_table(explain_record.Finding),
            "",
            "## Each of `figures`",
            "",
            *field_table(explain_record.KeyFigure),
            "",
            "`share` and each of `controls`:",
            "",
            *field_table(explain_record.Share),
            "",
            "## Each of `examples`",
            "",
            *field_table(explain_record.FindingExample),
            "",
        ]
    )


def verify_json() -> str:
    """The fields of what `harness verify --json` prints."""
    return "\n".join(
        [
            "# `harness verify --json`",
            "",
            f"The schema is `{verification.SCHEMA}`. Fields may be added within a version; none changes its meaning.",
            "How to use it is in [Hand a run over](../../how-to/hand-a-run-over.md).",
            "",
            f"- `schema`: `{verification.SCHEMA}`",
            "- `holds`: whether every row holds, and the board as a whole",
            "",
            *field_table(verification.Verification),
            "",
            "## Each of `rows`",
            "",
            *field_table(verification.RowCheck),
            "",
            "## Each of `differences`",
            "",
            *field_table(Difference),
            "",
            "## `signature`",
            "",
            *field_table(verification.Signature),
            "",
        ]
    )


def journal_tables() -> dict[str, list[tuple[str, bool]]]:
    """The journal's tables and columns, and whether each is part of the key: read from a real, empty journal."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / folder.JOURNAL
        journal.Journal(path).close()
        database = sqlite3.connect(path)
        try:
            names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            return {
                name: [(row[1], bool(row[5])) for row in database.execute(f"PRAGMA table_info({name})")]
                for name in names
            }
        finally:
            database.close()


def _record_fields() -> list[str]:
    with tempfile.TemporaryDirectory() as place:
        folder.write_record(Path(place), plugins={}, state="finished", seconds=0.0, command=[], judges={})
        return list(json.loads((Path(place) / folder.RECORD).read_text(encoding="utf-8")))
