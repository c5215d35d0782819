"""`harness list`: what is installed, by kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, cast

import click

from harness.console import echo, load_plugins, say

if TYPE_CHECKING:
    from harness.api import TaskCard
    from harness.discovery import Offer

_KINDS = (
    "tasks",
    "judges",
    "rewards",
    "trainers",
    "formats",
    "metrics",
    "renderers",
    "manifests",
    "commands",
    "executors",
)
_MORE = {
    "tasks": ("suite", "answers", "splits", "modalities", "data", "official", "parity", "results"),
    "metrics": ("answers", "unit", "greater_is_better"),
}
"""What `--json` says of one kind beside what it says of all."""


@click.command("list")
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--modality", type=click.Choice(["image", "text", "video"]), help="Tasks that show this to a judge.")
@click.option(
    "--answers",
    type=click.Choice(["choice", "preference", "ranking", "rubric", "score"]),
    help="Tasks with answers of this kind.",
)
@click.option("--licence", metavar="TEXT", help="Tasks with this in their licence, such as 'CC-BY'.")
@click.option("--max-items", type=click.IntRange(min=1), metavar="N", help="Tasks of at most N items, where known.")
@click.option(
    "--official",
    type=click.Choice(["prompt", "order", "format", "metric"]),
    multiple=True,
    help="Tasks in which this is their authors' own; may be given several times.",
)
@click.option("--parity", is_flag=True, help="Tasks whose scores were held against published ones.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(ctx: click.Context, /, kind: str, as_json: bool, **filters: Any) -> int:
    """List the installed plugin objects of one KIND, metrics with their unit. Imports none of them.

    Of tasks those that all filters let through. With --json there is also where their data are, how far they are
    official, and published scores of judges.

    \b
    Examples:
      harness list tasks
      harness list tasks --modality image --answers preference --parity
      harness list judges --json
    """
    wanted = {name: value for name, value in filters.items() if value}
    if wanted and kind != "tasks":
        raise click.UsageError("the filters (--modality, --answers, ...) are for `harness list tasks`", ctx)
    offers = load_plugins(ctx).offers(kind.removesuffix("s"))
    if wanted:
        offers = _filter_tasks(offers, wanted)
    if as_json:
        rows = [
            {
                "id": offer.id,
                "summary": offer.card.summary,
                "licence": offer.card.licence,
                "source": offer.card.source,
                "capabilities": sorted(offer.card.capabilities),
                "distribution": offer.distribution,
                "version": offer.version,
                **{name: _make_plain(getattr(offer.card, name)) for name in _MORE.get(kind, ())},
            }
            for offer in offers
        ]
        echo(json.dumps(rows, indent=2))
        return 0
    if not offers:
        say(f"no {kind} pass these filters" if wanted else f"no {kind} are installed")
    lines = [(offer.id, *([getattr(offer.card, "unit", "")] if kind == "metrics" else [])) for offer in offers]
    # Padded and without a frame, so that `cut` and `awk` take it as it is.
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for offer, line in zip(offers, lines, strict=True):
        named = "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        echo(f"{named}  {offer.card.summary}")
    return 0


def _filter_tasks(offers: list[Offer], wanted: Mapping[str, Any]) -> list[Offer]:
    """The tasks that all filters let through. How many are left out because their size is not known is said."""
    rest = [offer for offer in offers if _fits(cast("TaskCard", offer.card), wanted)]
    if (most := wanted.get("max_items")) is None:
        return rest
    sizes = [None if (data := cast("TaskCard", offer.card).data) is None else data.rows for offer in rest]
    if unknown := sizes.count(None):
        say(f"left out: {unknown} tasks whose number of items is not known")
    return [offer for offer, size in zip(rest, sizes, strict=True) if size is not None and size <= most]


def _fits(card: TaskCard, wanted: Mapping[str, Any]) -> bool:
    """Whether a task passes the filters that look at words of its card."""
    return (
        ("modality" not in wanted or wanted["modality"] in card.modalities)
        and ("answers" not in wanted or wanted["answers"] == card.answers)
        and wanted.get("licence", "").lower() in card.licence.lower()
        and set(wanted.get("official", ())) <= {*card.official}
        and ("parity" not in wanted or card.parity is not None)
    )


def _make_plain(value: object) -> object:
    """A field of a card as JSON knows it."""
    if isinstance(value, tuple):
        return [_make_plain(part) for part in value]
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return sorted(value) if isinstance(value, frozenset) else value
