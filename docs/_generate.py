"""Writes the reference pages from the code, so that they cannot drift: one small function a page.

Not for explaining anything: a page says what there is, in the words of the docstrings.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast, get_args

import click
from _markdown import attribute_docs as attribute_docs
from _markdown import cleaned, docstring, field_table, model_table, table, with_block
from _tasks import task_pages
from pydantic import BaseModel

from harness import __version__ as __version__
from harness import api, testing
from harness.api import (
    Choice,
    DataError,
    Preference,
    Protocol,
    Ranking,
    Score,
    UnreadReason,
    data,
    hookspecs,
    optional,
    reading,
)
from harness.cli import cli, main
from harness.discovery import Offer, Plugins
from harness.manifest.model import Manifest, Recipe
from harness.report import estimate as estimate_record
from harness.report import plan as plan_record
from harness.report.records import SCHEMA, Leaderboard, Row
from harness.report.unread import UnreadAnswers, UnreadExample
from harness.report.usage import JudgeUsage
from harness.run import database, folder, journal
from harness.run.rows import LeftOut
from harness.score import flags as flag_rules
from harness.score.records import AltTest, AnnotatorTest, Ceiling, CellScores, Comparison, Estimate, MetricCeiling
from harness.score.trust import Calibration, CoveragePoint, Guarantee, Noise, ReliabilityBin
from harness.train import folder as checkpoint_folder
from harness.verbs import VERBS

OURS = re.compile(r"judge-harness(-.*)?")
"""Distributions that the reference is about: those of this repository, whatever else is installed."""


def write_all(target: Path) -> None:
    """Write every page into a folder. A page that would not change is left alone, so that rebuilding is quick."""
    for name, text in all_pages().items():
        path = target / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def all_pages() -> dict[str, str]:
    """The text of every page by name."""
    pages = {name: make() for name, make in PAGES.items()}
    return {**pages, **task_pages(_ours(Plugins.load().offers("task")))}


# -- pages ---------------------------------------------------------------------------------------------------------


def command_line() -> str:
    """Every verb with its arguments and options, from the click objects."""
    lines = ["# Command line", "", cleaned(cli.help), "", "Before the verb may stand:", "", *_options(cli), ""]
    for verb in VERBS:
        command: click.Command = cast("click.Command", cli.get_command(click.Context(cli), verb))
        context = click.Context(command, info_name=f"harness {verb}")
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [f"## `harness {verb}`", "", f"```text\nharness {verb} {usage}\n```", "", cleaned(command.help), ""]
        lines += [*_options(command), ""]
    return "\n".join(lines)


def hooks() -> str:
    """Every hook with its signature and its docstring."""
    lines = ["# Hooks", "", docstring(hookspecs.__doc__), ""]
    for name, function in sorted(_hook_functions().items(), key=lambda pair: pair[1].__code__.co_firstlineno):
        lines += [
            f"## `{name}`",
            "",
            f"```python\n{_signature(name, function)}\n```",
            "",
            docstring(function.__doc__),
            "",
        ]
    return "\n".join(lines)


def api_page() -> str:
    """Everything public, through autodoc, sorted into what it is."""
    lines = ["# `harness.api`", "", docstring(api.__doc__), ""]
    listed = [name for _, names in API_SECTIONS for name in names]
    rest = sorted(set(api.__all__) - set(listed))
    for title, names in [*API_SECTIONS, *([("More", rest)] if rest else [])]:
        lines += [f"## {title}", "", "```{eval-rst}"]
        for name in names:
            lines += [_directive(name), ""]
        lines += ["```", ""]
    return "\n".join(lines)


def api_module(module: ModuleType) -> str:
    """The public names of a module, through autodoc."""
    lines = [f"# `{module.__name__}`", "", docstring(module.__doc__), "", "```{eval-rst}"]
    for name in module.__all__:
        lines += [_directive(name, of=module), ""]
    return "\n".join([*lines, "```", ""])


def manifest() -> str:
    """Every field of a manifest, from the models that check it."""
    lines = [
        "# Manifest fields",
        "",
        "What a manifest may say. `harness show --schema` prints the same as JSON Schema, for editors; the options of",
        "each plugin object, which stand under `with:`, are on [the page of plugin objects](plugin-objects.md).",
        "Unknown keys, duplicate keys and values of the wrong type are errors with file, line and column.",
        "",
        "## At the top",
        "",
        *model_table(Manifest, [("`extends`", "path, name, or list of them", "", EXTENDS)]),
        "",
    ]
    for title, model in _sections(Manifest):
        lines += [f"## {title}", "", docstring(inspect.getdoc(model)), "", *model_table(model), ""]
    return "\n".join([*lines, "## Values from elsewhere", "", INTERPOLATION, ""])


def recipe() -> str:
    """Every field of a recipe, and the files of a checkpoint folder."""
    lines = [
        "# Recipe fields",
        "",
        "What a recipe may say; how to use one is in [Train a judge](../../how-to/train-a-judge.md). It is read as a",
        "[manifest](manifest.md) is: with `extends`, variables and `--set`, and with the same care for mistakes. The",
        "options under `with:` are on [the page of plugin objects](plugin-objects.md). `harness show --schema recipe`",
        "prints all of it as JSON Schema, for editors.",
        "",
        "## At the top",
        "",
        *model_table(Recipe, [("`extends`", "path, name, or list of them", "", EXTENDS_RECIPE)]),
        "",
    ]
    for title, model in _sections(Recipe):
        lines += [f"## {title}", "", docstring(inspect.getdoc(model)), "", *model_table(model), ""]
    lines += ["## Checkpoint folder", "", *with_block(checkpoint_folder.__doc__), ""]
    return "\n".join([*lines, "## `trained.json`", "", *field_table(checkpoint_folder.Record), ""])


def protocol() -> str:
    """Every field of a protocol."""
    return "\n".join(
        [
            "# Protocol fields",
            "",
            docstring((inspect.getdoc(Protocol) or "").partition("\n")[0]),
            "What they mean for a score is explained in [Protocols](../../explanation/protocols.md).",
            "",
            *field_table(Protocol),
            "",
        ]
    )


def plugin_objects() -> str:
    """The cards of the tasks, judges, rewards, trainers and manifests of this repository, with their options."""
    plugins = Plugins.load()
    lines = [
        "# Plugin objects",
        "",
        "What the distributions of this repository offer. `harness list tasks` and so on lists what is installed with",
        "you; `harness show ID` shows one of them.",
        "",
    ]
    for kind in ("task", "judge", "reward", "trainer", "manifest"):
        offers = _ours(plugins.offers(kind))
        if offers:
            lines += [f"## {kind.capitalize()}s", ""]
        for offer in offers:
            lines += [f"### `{offer.id}`", "", *_card(offer), ""]
    return "\n".join(lines)


def metrics() -> str:
    """The metrics of the core."""
    rows = [
        (
            f"`{offer.id}`",
            offer.card.summary,
            ", ".join(sorted(getattr(offer.card, "answers", ()))),
            getattr(offer.card, "unit", ""),
            "greater" if getattr(offer.card, "greater_is_better", True) else "smaller",
            offer.card.source,
        )
        for offer in _ours(Plugins.load().offers("metric"))
    ]
    return "\n".join(
        [
            "# Metrics",
            "",
            "A protocol and a manifest may leave out `harness/` while the name is unique. Any metric of the `evaluate`",
            "library works as `evaluate:NAME`; see [A metric of your own](../../how-to/custom-metric.md).",
            "",
            "The unit says how values are printed. " + data_docs()["Unit"],
            "",
            *table(("id", "what it is", "answers", "unit", "better is", "source"), rows),
            "",
        ]
    )


def formats() -> str:
    """The verdict formats, each with what it asks for and what a perfect answer looks like."""
    lines = [
        "# Verdict formats",
        "",
        "The instruction ends the prompt; the same object reads the answer. How it is read is explained in",
        "[Verdict formats](../../explanation/verdict-formats.md).",
        "",
    ]
    for offer in _ours(Plugins.load().offers("format")):
        lines += [f"## `{offer.id}`", "", *_card(offer), ""]
        made = offer.create(None, None)
        for title, space, verdict in SAMPLES:
            try:
                asked, written = made.instruction(space), made.write(verdict, space, "Because.")
            except DataError:
                continue  # a format need not know every space
            lines += [
                f"{title}, instruction and answer:",
                "",
                f"```text\n{asked}\n```",
                "",
                f"```text\n{written}\n```",
                "",
            ]
    return "\n".join(lines)


def exit_codes() -> str:
    """What the command exits with."""
    return "\n".join(
        ["# Exit codes", "", *table(("code", "meaning"), [(f"`{code}`", said) for code, said in codes().items()]), ""]
    )


def run_folder() -> str:
    """The files of a run folder, the tables of the journal and the fields of `scores.json`."""
    lines = ["# Run folder", "", *with_block(folder.__doc__), "", "## Journal", "", *with_block(journal.__doc__), ""]
    lines += [f"Schema version {database.SCHEMA_VERSION}. Columns in **bold** are the primary key.", ""]
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
            *field_table(Row),
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
            "depends on what the missing answers were) and, for suites, `incomplete` (the judge answered only some of",
            "the tasks).",
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


PAGES: dict[str, Callable[[], str]] = {
    "command-line": command_line,
    "manifest": manifest,
    "recipe": recipe,
    "protocol": protocol,
    "plugin-objects": plugin_objects,
    "metrics": metrics,
    "formats": formats,
    "exit-codes": exit_codes,
    "run-folder": run_folder,
    "leaderboard-json": leaderboard_json,
    "estimate-json": estimate_json,
    "plan-json": plan_json,
    "hooks": hooks,
    "api": api_page,
    "api-data": partial(api_module, data),
    "api-optional": partial(api_module, optional),
    "api-reading": partial(api_module, reading),
    "api-testing": partial(api_module, testing),
}
"""Pages by name."""

API_SECTIONS: list[tuple[str, tuple[str, ...]]] = [
    (
        "Records",
        (
            "Item",
            "Image",
            "Part",
            "join_parts",
            "Message",
            "Request",
            "Judgement",
            "Status",
            "UnreadReason",
            "reason_of",
            "Usage",
            "majority_vote",
            "MAX_PIXELS",
        ),
    ),
    (
        "Answer spaces",
        (
            "AnswerSpace",
            "Choice",
            "Preference",
            "Score",
            "Ranking",
            "Verdict",
            "TIE",
            "space_from_json",
            "verdict_from_json",
        ),
    ),
    ("Verdict formats", ("VerdictFormat", "Reading", "Spellings", "spell_answers", "MAX_ANSWERS")),
    ("Scoring protocol", ("Protocol",)),
    (
        "What plugin objects must do",
        (
            "Task",
            "Judge",
            "Reward",
            "Answer",
            "Trainer",
            "Metric",
            "Units",
            "Renderer",
            "Context",
            "Example",
            "InstalledPlugins",
            "Invocation",
        ),
    ),
    ("Recorded runs", ("RecordedCell", "RecordedAnswer", "UnreadAnswer", "AnswerSource", "Report")),
    ("Numbers with intervals", ("Statistics", "Measurement", "Change")),
    ("How numbers are written", ("Unit", "write_number", "write_interval", "write_share")),
    (
        "Training",
        (
            "Training",
            "TrainingTask",
            "WeightedReward",
            "TrainingResult",
            "AnswerReward",
            "compute_rewards",
            "ResolvedRecipe",
            "PlannedTraining",
        ),
    ),
    (
        "Cards",
        (
            "Card",
            "TaskCard",
            "JudgeCard",
            "RewardCard",
            "TrainerCard",
            "FormatCard",
            "MetricCard",
            "ManifestCard",
            "RendererCard",
            "CommandCard",
            "Column",
            "UnfoldedEntry",
            "IsPath",
            "Operational",
            "hookimpl",
            "API_VERSION",
            "OLDEST_API_VERSION",
        ),
    ),
    (
        "Errors",
        (
            "HarnessError",
            "UserError",
            "ManifestError",
            "PluginError",
            "DataError",
            "JournalError",
            "JudgeStoppedError",
            "BudgetError",
            "JudgeError",
        ),
    ),
]
"""Order of the API page; a public name that is not here lands under "More"."""

EXTENDS = (
    "Other manifests to build on, by paths relative to this one or by the names of installed ones: mappings are merged "
    "deeply, lists and values replaced; this manifest has the last word."
)
EXTENDS_RECIPE = EXTENDS.replace("manifest", "recipe")
INTERPOLATION = """\
`${vars.NAME}` puts in a value of `vars`, and `${env:NAME}` an environment variable; there is no other interpolation.
`--set PATH=VALUE` on the command line replaces one value, such as `--set run.seed=7` or `--set tasks.0.limit=50`.
`harness show MANIFEST` prints the resolved manifest with the origin of each value."""

SAMPLES = (
    ("A choice", Choice(("yes", "no")), "yes"),
    ("A preference with ties", Preference(2, ("both good", "both bad")), 0),
    ("A score", Score(1, 5, 1), 4.0),
    ("A ranking", Ranking(3), (1, 0, 2)),
)
"""A space of each kind, and one answer."""


# -- facts ---------------------------------------------------------------------------------------------------------


def codes() -> dict[int, str]:
    """Exit codes and their meaning, from the docstring of `harness.cli.main`."""
    said = " ".join((inspect.getdoc(main) or "").split())
    return {int(code): meaning.strip(" .") for code, meaning in re.findall(r"\b(\d{1,3}) ([a-z][^;]*)", said)}


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


def data_docs(of: ModuleType = api) -> dict[str, str]:
    """The docstrings beneath the public constants and type aliases of a package."""
    found: dict[str, str] = {}
    for path in sorted(Path(inspect.getfile(of)).parent.glob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, after in itertools.pairwise(body):
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            said = after.value if isinstance(after, ast.Expr) else None
            if isinstance(targets[0], ast.Name) and isinstance(said, ast.Constant) and isinstance(said.value, str):
                found[targets[0].id] = " ".join(said.value.split())
    return found


def _hook_functions() -> dict[str, Any]:
    return {name: one for name, one in vars(hookspecs).items() if hasattr(one, "harness_spec")}


def _record_fields() -> list[str]:
    with tempfile.TemporaryDirectory() as place:
        folder.write_record(Path(place), plugins={}, state="finished", seconds=0.0, command=[], judges={})
        return list(json.loads((Path(place) / folder.RECORD).read_text(encoding="utf-8")))


def _ours(offers: Iterable[Offer]) -> list[Offer]:
    return [offer for offer in offers if OURS.fullmatch(offer.distribution)]


# -- Markdown ------------------------------------------------------------------------------------------------------


def _card(offer: Offer) -> list[str]:
    card = offer.card
    lines = [card.summary.rstrip(".") + ".", ""]
    if getattr(card, "columns", ()):
        return [*lines, f"It has [a page of its own](tasks/{offer.id.replace('/', '-')}.md)."]
    if card.description:
        lines += [card.description.strip(), ""]
    facts = [
        ("suite", getattr(card, "suite", "")),
        ("answers", getattr(card, "answers", "") if card.kind == "task" else ""),
        ("splits", ", ".join(getattr(card, "splits", ()))),
        ("capabilities", ", ".join(sorted(card.capabilities))),
        ("licence", card.licence),
        ("source", card.source),
        ("distribution", offer.distribution),
    ]
    lines += [f"- {name}: {value}" for name, value in facts if value]
    model = offer.options_model()
    if model is not None:
        lines += ["", "Options, under `with:`", "", *model_table(model)]
    return lines


def _options(command: click.Command) -> list[str]:
    rows = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            name = parameter.make_metavar(click.Context(command))
            rows.append((f"`{name}`", "", "required" if parameter.required else "", "argument"))
        elif isinstance(parameter, click.Option):
            names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
            takes = "" if parameter.is_flag else f"`{parameter.make_metavar(click.Context(command))}`"
            default = (
                parameter.default if parameter.show_default or isinstance(parameter.default, int | float) else None
            )
            shown = "" if default in (None, False, True, ()) or callable(default) else f"`{default}`"
            rows.append((names, takes, shown, parameter.help or ""))
    return table(("option", "takes", "default", "meaning"), rows)


def _sections(model: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    """The models inside a model, each with the key that it stands under."""
    found: list[tuple[str, type[BaseModel]]] = []
    for name, spec in model.model_fields.items():
        inner = [one for one in (spec.annotation, *get_args(spec.annotation)) if _is_model(one)]
        several = "" if _is_model(spec.annotation) else "each of "
        found += [(f"Under {several}`{name}`", one) for one in inner if one is not model]
    return found


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _signature(name: str, function: Any) -> str:
    """The signature with unquoted annotations, one argument a line where it is long."""
    text = f"def {name}{inspect.signature(function)}".replace("'", "")
    if len(text) <= 88:
        return text
    inside = ",\n    ".join(re.split(r", (?=\w+:)", text[text.index("(") + 1 : text.rindex(")")]))
    return f"def {name}(\n    {inside},\n){text[text.rindex(')') + 1 :]}"


def _directive(name: str, *, of: ModuleType = api) -> str:
    thing = getattr(of, name)
    if isinstance(thing, type):
        call = "\n   :special-members: __call__" if name in ("Metric", "Reward", "PictureStore") else ""
        return f".. autoclass:: {of.__name__}.{name}\n   :show-inheritance:{call}"
    if inspect.isfunction(thing):
        return f".. autofunction:: {of.__name__}.{name}"
    said = data_docs(of).get(name, "").replace("`", "``")
    return f".. py:data:: {of.__name__}.{name}\n\n   {said}"
