"""Writes the reference pages from the code, so that they cannot drift: one small function a page.

Not for explaining anything: a page says what there is, in the words of the docstrings.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import click
from _api_pages import api_module, api_page, data_docs, hooks
from _catalogue import catalogue_page
from _file_pages import (
    drift_json,
    estimate_json,
    explanations_json,
    leaderboard_json,
    plan_json,
    run_folder,
    verify_json,
)
from _file_pages import journal_tables as journal_tables
from _markdown import attribute_docs as attribute_docs
from _markdown import cleaned, docstring, field_table, model_table, table, with_block
from _tasks import task_pages
from pydantic import BaseModel

from harness import __version__ as __version__
from harness import library, testing
from harness.api import (
    Choice,
    DataError,
    Preference,
    Protocol,
    Ranking,
    Rubric,
    Score,
    data,
    execution,
    files,
    optional,
    reading,
)
from harness.cli import cli, main
from harness.discovery import Offer
from harness.manifest.model import Manifest, Recipe
from harness.testing._installed import load_installed
from harness.training import folder as checkpoint_folder
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
    return {**pages, **task_pages(_ours(load_installed().offers("task")))}


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
    plugins = load_installed()
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
        for offer in _ours(load_installed().offers("metric"))
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
    for offer in _ours(load_installed().offers("format")):
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


def error_analysis() -> str:
    """The notebook as a page. It is kept without output, and so is the page."""
    name = "error-analysis.ipynb"
    path = Path(__file__).with_name("tutorials") / name
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    blocks = [
        text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
        for cell, text in zip(cells, texts, strict=True)
    ]
    # Its own links are relative to the notebook, and this page is two folders further down.
    title, *rest = [re.sub(r"\]\((?!https?:)([^)]+)\)", r"](../../tutorials/\1)", block) for block in blocks]
    source = f"This page is a notebook: {{download}}`{name} <../../tutorials/{name}>`. Run it beside the text."
    return "\n\n".join([title, source, *rest, ""])


def catalogue() -> str:
    """The table of the benchmarks, from their cards."""
    return catalogue_page(_ours(load_installed().offers("task")))


PAGES: dict[str, Callable[[], str]] = {
    "command-line": command_line,
    "manifest": manifest,
    "recipe": recipe,
    "protocol": protocol,
    "plugin-objects": plugin_objects,
    "catalogue": catalogue,
    "metrics": metrics,
    "formats": formats,
    "exit-codes": exit_codes,
    "run-folder": run_folder,
    "leaderboard-json": leaderboard_json,
    "estimate-json": estimate_json,
    "plan-json": plan_json,
    "drift-json": drift_json,
    "explanations-json": explanations_json,
    "verify-json": verify_json,
    "hooks": hooks,
    "api": api_page,
    "api-data": partial(api_module, data),
    "api-files": partial(api_module, files),
    "api-optional": partial(api_module, optional),
    "api-reading": partial(api_module, reading),
    "api-execution": partial(api_module, execution),
    "api-testing": partial(api_module, testing),
    "library": partial(api_module, library),
    "error-analysis": error_analysis,
}
"""Pages by name."""


EXTENDS = (
    "Other manifests to build on, by paths relative to this one or by the names of installed ones: mappings are merged "
    "deeply, lists and values replaced; this manifest has the last word."
)
EXTENDS_RECIPE = EXTENDS.replace("manifest", "recipe")
SAMPLES = (
    ("A choice", Choice(("yes", "no")), "yes"),
    ("A preference with ties", Preference(2, ("both good", "both bad")), 0),
    ("A score", Score(1, 5, 1), 4.0),
    ("A ranking", Ranking(3), (1, 0, 2)),
    ("A rubric", Rubric((("sharp", Score(1, 5, 1)), ("better", Preference(2)))), (4.0, 0)),
)
"""A space of each kind, and one answer."""
INTERPOLATION = """\
`${vars.NAME}` puts in a value of `vars`, and `${env:NAME}` an environment variable; there is no other interpolation.
`--set PATH=VALUE` on the command line replaces one value, such as `--set run.seed=7` or `--set tasks.0.limit=50`.
`harness show MANIFEST` prints the resolved manifest with the origin of each value."""


# -- facts ---------------------------------------------------------------------------------------------------------


def codes() -> dict[int, str]:
    """Exit codes and their meaning, from the docstring of `harness.cli.main`."""
    said = " ".join((inspect.getdoc(main) or "").split())
    return {int(code): meaning.strip(" .") for code, meaning in re.findall(r"\b(\d{1,3}) ([a-z][^;]*)", said)}


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
