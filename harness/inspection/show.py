"""`harness show`: a plugin object, a task's items as pictures, a manifest, the schema, or a run's unread answers."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import click

from harness.console import echo, load_plugins, say

if TYPE_CHECKING:
    from harness.discovery import Offer, Plugins
    from harness.runner.planned import PlannedTask


@click.command("show")
@click.argument("name", required=False)
@click.option("--sample", type=click.IntRange(1, 200), metavar="N", help="Draw N items of a task into a PNG.")
@click.option("--split", default=None, help="Split to sample; default: test.")
@click.option("--data", default=None, help="The task's `data:`, where it needs any.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the PNG.")
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Override one value of a manifest or recipe.")
@click.option("--origins/--no-origins", default=True, help="Say where each value of a manifest comes from.")
@click.option(
    "--schema",
    type=click.Choice(["manifest", "recipe"]),
    is_flag=False,
    flag_value="manifest",
    help="Print the JSON Schema of manifests, or of recipes, for editors.",
)
@click.option("--unread", is_flag=True, help="Print the answers of a run that have no verdict, as they were written.")
@click.option("--judge", metavar="NAME", help="With --unread: of this judge only.")
@click.option("--task", metavar="NAME", help="With --unread: on this task only.")
@click.option("--reason", metavar="REASON", help="With --unread: for this reason only, such as 'ambiguous'.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --unread: at most N answers.  [default: 20; all with --json]",
)
@click.option("--json", "as_json", is_flag=True, help="With --unread: print JSON, each answer whole.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    sample: int | None,
    split: str | None,
    data: str | None,
    output: Path | None,
    sets: tuple[str, ...],
    origins: bool,
    schema: str | None,
    unread: bool,
    judge: str | None,
    task: str | None,
    reason: str | None,
    limit: int | None,
    as_json: bool,
) -> int:
    """Show NAME: a plugin object by id, or a manifest or recipe with every value and where it comes from.

    With --unread, NAME is a run folder, and each of its answers without a verdict is shown with the reason: no verdict,
    ambiguous, contradicts itself, outside, only quoted, reasoning never closes, cut off, drawn, refused, or error.

    \b
    Examples:
      harness show miniature/safety
      harness show miniature/pairwise-alignment --sample 6
      harness show benchmarks/ood.yaml
      harness show --schema > manifest.schema.json
      harness show --schema recipe > recipe.schema.json
      harness show runs/ood-1a2b3c4d5e6f --unread --judge pixels --reason refused
    """
    if unread:
        from harness.inspection.unread import show_unread

        if name is None:
            raise click.UsageError("--unread needs the run folder: harness show RUN --unread", ctx)
        show_unread(Path(name), judge=judge, task=task, reason=reason, limit=limit, as_json=as_json)
        return 0
    # An option that is passed over in silence looks as if it had been obeyed.
    if as_json or any(option is not None for option in (judge, task, reason, limit)):
        raise click.UsageError("--judge, --task, --reason, --limit and --json are for --unread", ctx)
    if sample is None and any(option is not None for option in (split, data, output)):
        raise click.UsageError("--split, --data and --output are for --sample", ctx)
    plugins = load_plugins(ctx)
    if schema is not None:
        _print_schema(plugins, schema)
        return 0
    if name is None:
        raise click.UsageError("give the id of a plugin object, a manifest or a recipe, or --schema", ctx)
    _show_object(
        name, plugins, sets=sets, origins=origins, sample=sample, split=split or "test", data=data, output=output
    )
    return 0


def _show_object(
    name: str,
    plugins: Plugins,
    *,
    sets: tuple[str, ...],
    origins: bool,
    sample: int | None,
    split: str,
    data: str | None,
    output: Path | None,
) -> None:
    """A manifest by its path or id, the card of any other object, or a sample of a task."""
    from harness.api import ManifestCard

    # A path comes before an id: a file in this folder is never hidden by a plugin of the same name.
    if name.endswith((".yaml", ".yml")) or Path(name).is_file():
        _print_resolved(Path(name), sets, plugins, origins=origins)
        return
    offer = _find(plugins, name)
    if isinstance(offer.card, ManifestCard):
        _print_resolved(offer.card.path, sets, plugins, origins=origins)
    elif sample is None:
        _print_card(offer)
    else:
        path = output or Path(f"{offer.id.replace('/', '-')}.png")
        _draw(plugins, offer, sample=sample, split=split, data=data, path=path)
        say(f"wrote {path}")


def _print_schema(plugins: Plugins, kind: str) -> None:
    from harness.inspection.schema import manifest_schema, recipe_schema

    make = recipe_schema if kind == "recipe" else manifest_schema
    echo(json.dumps(make(plugins), indent=2))


def _print_resolved(path: Path, sets: tuple[str, ...], plugins: Plugins, *, origins: bool) -> None:
    from harness.inspection.origins import render_with_origins
    from harness.libraries.config import render
    from harness.manifest.load import load_document

    loaded = load_document(path, sets=sets, plugins=plugins)
    # To the letter where it is piped, so that what is printed can be run again.
    echo(render_with_origins(loaded) if origins else render(loaded.content), nl=False, document=True)


def _find(plugins: Plugins, name: str) -> Offer:
    from harness.api import PluginError
    from harness.discovery import KINDS
    from harness.runner.folder import JOURNAL

    # The likely slip: without `--unread` a run folder is a name like any other.
    if (Path(name) / JOURNAL).is_file():
        raise PluginError(f"{name} is a run folder; `harness show {name} --unread` shows what has no verdict in it")
    problems: list[str] = []
    # A bare name may be of any kind. The first that has it is shown, and near misses are kept for the message.
    for kind in KINDS:
        try:
            return plugins.find(kind, name)
        except PluginError as error:
            # Most kinds just do not have the name. Only a message with a hint is worth showing.
            if any(said in str(error) for said in ("Did you mean", "ambiguous", "plugin '", "pip install")):
                problems.append(str(error))
    raise PluginError(
        problems[0] if problems else f"nothing installed is called {name!r}; see `harness list tasks` and so on"
    )


def _print_card(offer: Offer) -> None:
    card = offer.card
    echo(f"{offer.id}  ({card.kind}, {offer.distribution} {offer.version})")
    echo(f"  {card.summary}")
    if card.description:
        echo(f"\n{card.description}\n")
    for label, value in (
        ("suite", getattr(card, "suite", "")),
        (
            "answers",
            ", ".join(sorted(answers)) if isinstance(answers := getattr(card, "answers", ""), frozenset) else answers,
        ),
        ("splits", ", ".join(getattr(card, "splits", ()))),
        ("unit", getattr(card, "unit", "")),
        ("better is", _better(getattr(card, "greater_is_better", None))),
        ("licence", card.licence),
        ("source", card.source),
        ("capabilities", ", ".join(sorted(card.capabilities))),
        ("data", _describe_data(offer)),
    ):
        if value:
            echo(f"  {label}: {value}")
    _print_benchmark(offer)
    model = offer.options_model()
    if model is None:
        return
    echo("  options:")
    for name, spec in model.model_fields.items():
        default = "required" if spec.is_required() else f"default {spec.get_default(call_default_factory=True)!r}"
        echo(f"    {spec.alias or name} ({default}): {spec.description or ''}")


def _describe_data(offer: Offer) -> str:
    """Where the data of a task are, and the verb that fetches them. Empty where its card does not say it."""
    data = getattr(offer.card, "data", None)
    if data is None:
        return ""
    facts = [data.place, *(["gated"] if data.gated else []), *([] if data.rows is None else [f"{data.rows:,} items"])]
    return f"{', '.join(facts)}; see `harness data {offer.id}`"


def _better(greater: bool | None) -> str:
    """Which value of a metric is the better one. Empty for what is no metric."""
    return "" if greater is None else "greater" if greater else "smaller"


def _print_benchmark(offer: Offer) -> None:
    """What the card of a benchmark says of its data and of how its authors score it."""
    card = offer.card
    if (protocol := getattr(card, "protocol", None)) is not None:
        echo(f"  official protocol: {offer.resolve(protocol).summary()}")
    official: frozenset[str] = getattr(card, "official", frozenset())
    if official:
        echo(f"  official: {', '.join(sorted(official))}")
    if (parity := getattr(card, "parity", None)) is not None:
        of = f"{parity.values} published values of {parity.judges} judges on {parity.items:,} items"
        echo(f"  parity: {of}, largest difference {parity.difference:.4f} points")
    for title, text in (
        ("official metric", getattr(card, "metric", "")),
        ("deviations", getattr(card, "deviations", "")),
        ("traps", getattr(card, "pitfalls", "")),
    ):
        if text:
            echo(f"  {title}:\n{indent(text.strip(), '    ')}")
    if results := getattr(card, "results", ()):
        echo("  known results:")
    for result in results:
        subset = f", {result.subset}" if result.subset else ""
        echo(f"    {result.judge}{subset}: {result.value} ({result.metric}; {result.source})")
    if columns := getattr(card, "columns", ()):
        echo("  columns:")
    for column in columns:
        facts = [column.kind, *(["optional"] if column.optional else []), *column.subsets]
        echo(f"    {column.name} ({', '.join(facts)}): {column.meaning}")


def _draw(plugins: Plugins, offer: Offer, *, sample: int, split: str, data: str | None, path: Path) -> None:
    from harness.api import UserError
    from harness.inspection.sheet import contact_sheet
    from harness.runner.requests import stream_requests

    if offer.card.kind != "task":
        raise UserError(f"{offer.id} is a {offer.card.kind}; only tasks can be sampled")
    planned = _sample_task(offer, plugins, split=split, data=data)
    drawn = [
        ask
        # One order of each item: the others show the same pictures in other places.
        for ask in islice(stream_requests(planned), sample * planned.requests_per_item)
        if ask.request_row.place == 0
    ]
    # An item that cannot be asked has no request, and nothing to draw.
    asks = [ask for ask in drawn[:sample] if ask.request is not None]
    contact_sheet([ask.item for ask in asks], [ask.request for ask in asks if ask.request is not None], path)


def _sample_task(offer: Offer, plugins: Plugins, *, split: str, data: str | None) -> PlannedTask:
    """One task by itself with its default options, to look at.

    Raises:
        UserError: It cannot be made without options or data, or has no such split.
    """
    from harness.runner.context import default_options, plan_task
    from harness.runner.plan import unfold_entry
    from harness.runner.planned import Plan

    plan = Plan(seed=0, plugins=plugins, workspace=Path("runs") / ".workspace")
    given = None if data is None or data.startswith("hub:") else str(Path(data).resolve())
    name, options = unfold_entry(plan, offer, None, given or data, default_options(offer))[0]
    return plan_task(plan, offer, name=name, options=options, data=given or data, split=split)
