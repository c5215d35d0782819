"""Writes the reference pages from the code, so that they cannot drift: one small function a page.

Not for explaining anything: a page says what there is, in the words of the docstrings.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import re
import sqlite3
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import click
from pydantic import BaseModel

from harness import __version__ as __version__
from harness import api
from harness.api import Choice, DataError, Preference, Protocol, Ranking, Score, hookspecs
from harness.cli import VERBS, cli, main
from harness.discovery import Offer, Plugins
from harness.manifest.model import Manifest, Recipe
from harness.report.records import SCHEMA, Leaderboard, Pair, Row
from harness.report.usage import JudgeUsage
from harness.run import folder, journal
from harness.score import flags as flag_rules
from harness.score.records import CellScores, Estimate
from harness.train import folder as checkpoint_folder

OURS = re.compile(r"judge-harness(-.*)?")
"""Distributions that the reference is about: those of this repository, whatever else is installed."""


def write_all(target: Path) -> None:
    """Write every page into a folder. A page that would not change is left alone, so that rebuilding is quick."""
    target.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        path, text = target / f"{name}.md", make()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


# -- pages ---------------------------------------------------------------------------------------------------------


def command_line() -> str:
    """Every verb with its arguments and options, from the click objects."""
    lines = ["# Command line", "", _cleaned(cli.help), "", "Before the verb may stand:", "", *_options(cli), ""]
    for verb in VERBS:
        command: click.Command = importlib.import_module(f"harness.cli.{verb}").command
        context = click.Context(command, info_name=f"harness {verb}")
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [f"## `harness {verb}`", "", f"```text\nharness {verb} {usage}\n```", "", _cleaned(command.help), ""]
        lines += [*_options(command), ""]
    return "\n".join(lines)


def hooks() -> str:
    """Every hook with its signature and its docstring."""
    lines = ["# Hooks", "", _docstring(hookspecs.__doc__), ""]
    for name, function in sorted(_hook_functions().items(), key=lambda pair: pair[1].__code__.co_firstlineno):
        lines += [
            f"## `{name}`",
            "",
            f"```python\n{_signature(name, function)}\n```",
            "",
            _docstring(function.__doc__),
            "",
        ]
    return "\n".join(lines)


def api_page() -> str:
    """Everything public, through autodoc, sorted into what it is."""
    lines = ["# `harness.api`", "", _docstring(api.__doc__), ""]
    listed = [name for _, names in API_SECTIONS for name in names]
    rest = sorted(set(api.__all__) - set(listed))
    for title, names in [*API_SECTIONS, *([("More", rest)] if rest else [])]:
        lines += [f"## {title}", "", "```{eval-rst}"]
        for name in names:
            lines += [_directive(name), ""]
        lines += ["```", ""]
    return "\n".join(lines)


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
        *_model_table(Manifest, [("`extends`", "path or list of paths", "", EXTENDS)]),
        "",
    ]
    for title, model in _sections(Manifest):
        lines += [f"## {title}", "", _docstring(inspect.getdoc(model)), "", *_model_table(model), ""]
    return "\n".join([*lines, "## Values from elsewhere", "", INTERPOLATION, ""])


def recipe() -> str:
    """Every field of a recipe, and the files of a checkpoint folder."""
    lines = [
        "# Recipe fields",
        "",
        "What a recipe may say; how to use one is in [Train a judge](../../how-to/train-a-judge.md). It is read as a",
        "[manifest](manifest.md) is: with `extends`, variables and `--set`, and with the same care for mistakes. The",
        "options under `with:` are on [the page of plugin objects](plugin-objects.md).",
        "",
        "## At the top",
        "",
        *_model_table(Recipe, [("`extends`", "path or list of paths", "", EXTENDS_RECIPE)]),
        "",
    ]
    for title, model in _sections(Recipe):
        lines += [f"## {title}", "", _docstring(inspect.getdoc(model)), "", *_model_table(model), ""]
    lines += ["## Checkpoint folder", "", *_with_block(checkpoint_folder.__doc__), ""]
    return "\n".join([*lines, "## `trained.json`", "", *_field_table(checkpoint_folder.Record), ""])


def protocol() -> str:
    """Every field of a protocol."""
    return "\n".join(
        [
            "# Protocol fields",
            "",
            _docstring((inspect.getdoc(Protocol) or "").partition("\n")[0]),
            "What they mean for a score is explained in [Protocols](../../explanation/protocols.md).",
            "",
            *_field_table(Protocol),
            "",
        ]
    )


def plugin_objects() -> str:
    """The cards of the tasks, judges, rewards and trainers of this repository, with their options."""
    plugins = Plugins.load()
    lines = [
        "# Plugin objects",
        "",
        "What the distributions of this repository offer. `harness list tasks` and so on lists what is installed with",
        "you; `harness show ID` shows one of them.",
        "",
    ]
    for kind in ("task", "judge", "reward", "trainer"):
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
            *_table(("id", "what it is", "answers", "better is", "source"), rows),
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
        ["# Exit codes", "", *_table(("code", "meaning"), [(f"`{code}`", said) for code, said in codes().items()]), ""]
    )


def run_folder() -> str:
    """The files of a run folder, the tables of the journal and the fields of `scores.json`."""
    lines = ["# Run folder", "", *_with_block(folder.__doc__), "", "## Journal", "", *_with_block(journal.__doc__), ""]
    lines += [f"Schema version {journal.SCHEMA_VERSION}. Columns in **bold** are the primary key.", ""]
    for name, columns in journal_tables().items():
        shown = ", ".join(f"**`{column}`**" if key else f"`{column}`" for column, key in columns)
        lines += [f"- `{name}`: {shown}"]
    lines += ["", "## `run.json`", "", "What a reader needs to run this again; no score depends on it.", ""]
    lines += [f"- `{name}`" for name in _record_fields()]
    lines += ["", "## `scores.json`", "", "One object for each cell, under `cells`:", "", *_field_table(CellScores)]
    lines += ["", "Each estimate among them:", "", *_field_table(Estimate), ""]
    return "\n".join(lines)


def leaderboard_json() -> str:
    """The fields of `leaderboard.json`."""
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
            *_field_table(Leaderboard),
            "",
            "## Each of `rows`",
            "",
            *_field_table(Row),
            "",
            "## Each of `comparisons`",
            "",
            *_field_table(Pair),
            "",
            "## Each of `usage`",
            "",
            *_field_table(JudgeUsage),
            "",
            "## Flags",
            "",
            _docstring(inspect.getdoc(flag_rules.flags)).partition("**Args**")[0],
            "",
            "The leaderboard adds `partial` (the run has not finished the cell) and, for suites, `incomplete` (the",
            "judge answered only some of the tasks).",
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
    "hooks": hooks,
    "api": api_page,
}
"""Pages by name."""

API_SECTIONS: list[tuple[str, tuple[str, ...]]] = [
    ("Records", ("Item", "Image", "Part", "Message", "Request", "Judgement", "Status", "Usage", "voted", "MAX_PIXELS")),
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
    ("Verdict formats", ("VerdictFormat", "Reading", "Spellings", "spellings", "MAX_ANSWERS")),
    ("Scoring protocol", ("Protocol",)),
    (
        "What plugin objects must do",
        ("Task", "Judge", "Reward", "Answer", "Trainer", "Metric", "Units", "Context", "Example"),
    ),
    ("Training", ("Training", "TrainingTask", "WeightedReward", "Trained", "Earned", "earned")),
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
            "Unfolded",
            "IsPath",
            "Operational",
            "hookimpl",
            "API_VERSION",
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
            "BudgetError",
            "JudgeError",
        ),
    ),
]
"""Order of the API page; a public name that is not here lands under "More"."""

EXTENDS = (
    "Other manifests to build on, relative to this one: mappings are merged deeply, lists and values replaced; this "
    "manifest has the last word."
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


def attribute_docs(cls: type) -> dict[str, str]:
    """The docstrings beneath the fields of a class and of its bases."""
    found: dict[str, str] = {}
    for owner in reversed([one for one in cls.__mro__ if one is not object]):
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
        except (OSError, TypeError):
            continue  # a base from C, such as Exception
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for statement, after in itertools.pairwise(statements):
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                found[statement.target.id] = " ".join(after.value.value.split())
    return found


def data_docs() -> dict[str, str]:
    """The docstrings beneath the public constants and type aliases of `harness.api`."""
    found: dict[str, str] = {}
    for path in sorted(Path(inspect.getfile(api)).parent.glob("*.py")):
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
        lines += ["", "Options, under `with:`", "", *_model_table(model)]
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
    return _table(("option", "takes", "default", "meaning"), rows)


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


def _model_table(model: type[BaseModel], more: Sequence[Sequence[str]] = ()) -> list[str]:
    rows = [
        (
            f"`{spec.alias or name}`",
            _type_name(spec.annotation),
            "required" if spec.is_required() else _model_default(spec.get_default(call_default_factory=True)),
            spec.description or "",
        )
        for name, spec in model.model_fields.items()
    ]
    return _table(("field", "type", "default", "meaning"), [*rows, *more])


def _model_default(value: Any) -> str:
    return "see below" if isinstance(value, BaseModel) else _code(value)


def _field_table(cls: Any) -> list[str]:
    hints, docs = get_type_hints(cls), attribute_docs(cls)
    rows = [
        (f"`{spec.name}`", _type_name(hints[spec.name]), _default(spec), docs.get(spec.name, ""))
        for spec in fields(cls)
    ]
    return _table(("field", "type", "default", "meaning"), rows)


def _default(spec: Field[Any]) -> str:
    if spec.default is not MISSING:
        return _code(spec.default)
    return "" if spec.default_factory is MISSING else _code(spec.default_factory())


def _type_name(hint: Any) -> str:
    """A type as people read it, the constraints of pydantic left out."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type_name(inside[0])
    if origin is Literal:
        return " or ".join(_code(value) for value in inside)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys("`null`" if one is type(None) else _type_name(one) for one in inside))
    if origin in (list, tuple, frozenset):
        return f"list of {_type_name(inside[0])}"
    if origin is not None:
        return "mapping"
    names = {
        Recipe: "path or mapping",
        str: "text",
        int: "whole number",
        float: "number",
        bool: "`true` or `false`",
        Any: "anything",
    }
    return names.get(hint, f"`{getattr(hint, '__name__', hint)}`")


def _code(value: Any) -> str:
    shown = list(value) if isinstance(value, tuple | frozenset) else value
    return f"`{json.dumps(shown, ensure_ascii=False)}`" if shown is not None else "`null`"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; columns without any text are left out."""
    listed = [[" ".join(str(cell).split()).replace("|", "\\|") for cell in row] for row in rows]
    if not listed:
        return []
    kept = [k for k in range(len(header)) if any(row[k] for row in listed)]
    lines = ["| " + " | ".join(header[k] for k in kept) + " |", "|" + " --- |" * len(kept)]
    return [*lines, *("| " + " | ".join(row[k] for k in kept) + " |" for row in listed)]


def _docstring(doc: str | None) -> str:
    """A Google-style docstring as Markdown: its sections become lists, indented blocks become code."""
    lines: list[str] = []
    section = fenced = False
    for line in inspect.cleandoc(doc or "").split("\n"):
        heading = re.fullmatch(r"(Args|Returns|Raises|Attributes|Yields):", line)
        if heading:
            section = True
            lines += [f"**{heading[1]}**", ""]
            continue
        if section:
            entry = re.match(r"    (\*{0,2}\w+): (.*)", line)
            lines.append(f"- `{entry[1]}`: {entry[2]}" if entry else f"  {line.strip()}" if line.strip() else "")
            continue
        code = line.startswith("    ")
        if code != fenced and line.strip():
            if not code:
                lines[-1:] = ["```", ""]  # the blank line that ended the block
            else:
                lines.append("```text")
            fenced = code
        lines.append(line[4:] if fenced and code else line)
    if fenced:
        lines.append("```")
    return "\n".join(lines).strip()


def _with_block(doc: str | None) -> list[str]:
    """A module docstring in which lines that start a listing (`name  meaning`) are shown as text."""
    text = inspect.cleandoc(doc or "")
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        if re.search(r"^\s*\S+ {2,}\S", paragraph, re.MULTILINE):
            lines += ["```text", textwrap.dedent(paragraph), "```", ""]
        else:
            lines += [paragraph, ""]
    return lines


def _cleaned(text: str | None) -> str:
    r"""Help text as Markdown: click's `\b` blocks become code."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text or "")):
        if paragraph.startswith(("\b", r"\b")):
            first, *rest = paragraph.removeprefix("\b").removeprefix(r"\b").strip("\n").split("\n")
            lines += [first, "", "```text", *(line.strip() for line in rest), "```", ""]
        else:
            lines += [" ".join(paragraph.split()), ""]
    return "\n".join(lines).strip()


def _signature(name: str, function: Any) -> str:
    """The signature with unquoted annotations, one argument a line where it is long."""
    text = f"def {name}{inspect.signature(function)}".replace("'", "")
    if len(text) <= 88:
        return text
    inside = ",\n    ".join(re.split(r", (?=\w+:)", text[text.index("(") + 1 : text.rindex(")")]))
    return f"def {name}(\n    {inside},\n){text[text.rindex(')') + 1 :]}"


def _directive(name: str) -> str:
    thing = getattr(api, name)
    if isinstance(thing, type):
        call = "\n   :special-members: __call__" if name in ("Metric", "Reward") else ""
        return f".. autoclass:: harness.api.{name}\n   :show-inheritance:{call}"
    if inspect.isfunction(thing):
        return f".. autofunction:: harness.api.{name}"
    said = data_docs().get(name, "").replace("`", "``")
    return f".. py:data:: harness.api.{name}\n\n   {said}"
