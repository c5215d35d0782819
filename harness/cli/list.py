"""`harness list`: what is installed, by kind."""

from __future__ import annotations

import json

import click

from harness.cli._common import echo, load_plugins, say

_KINDS = ("tasks", "judges", "rewards", "trainers", "formats", "metrics")


@click.command("list")
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(ctx: click.Context, kind: str, as_json: bool) -> int:
    """List the installed plugin objects of one KIND. Imports none of them.

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
                **{name: getattr(offer.card, name) for name in ("suite", "answers", "splits") if kind == "tasks"},
            }
            for offer in offers
        ]
        echo(json.dumps(rows, indent=2))
        return 0
    if not offers:
        say(f"no {kind} are installed")
    width = max((len(offer.id) for offer in offers), default=0)
    for offer in offers:
        echo(f"{offer.id:<{width}}  {offer.card.summary}")
    return 0
