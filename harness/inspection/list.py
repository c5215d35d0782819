"""`harness list`: what is installed, by kind."""

from __future__ import annotations

import json

import click

from harness.console import echo, load_plugins, say

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
_MORE = {"tasks": ("suite", "answers", "splits"), "metrics": ("answers", "unit", "greater_is_better")}
"""What `--json` says of one kind beside what it says of all."""


@click.command("list")
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(ctx: click.Context, kind: str, as_json: bool) -> int:
    """List the installed plugin objects of one KIND, metrics with their unit. Imports none of them.

    \b
    Examples:
      harness list tasks
      harness list judges --json
    """
    offers = load_plugins(ctx).offers(kind.removesuffix("s"))
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
                **{name: _plain(getattr(offer.card, name)) for name in _MORE.get(kind, ())},
            }
            for offer in offers
        ]
        echo(json.dumps(rows, indent=2))
        return 0
    if not offers:
        say(f"no {kind} are installed")
    lines = [(offer.id, *([getattr(offer.card, "unit", "")] if kind == "metrics" else [])) for offer in offers]
    # Padded and without a frame, so that `cut` and `awk` take it as it is.
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for offer, line in zip(offers, lines, strict=True):
        named = "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        echo(f"{named}  {offer.card.summary}")
    return 0


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value
