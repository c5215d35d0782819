"""`harness plugins`: every advertised plugin and what became of it."""

from __future__ import annotations

import json

import click

from harness.console import echo, load_plugins


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> int:
    """List the installed plugins: name, distribution, version, status and what they offer.

    A plugin that does not load is a row with its cause. HARNESS_STRICT_PLUGINS=1 makes it an error.

    \b
    Examples:
      harness plugins
      harness --no-plugin judge-harness-miniature plugins --json
    """
    from harness.discovery import KINDS

    registering = {f"harness_{kind}s" for kind in KINDS}
    # No warnings: the rows say the same, and say it better.
    rows = load_plugins(ctx, warn=False).rows
    if as_json:
        plain = [
            {
                "name": row.name,
                "distribution": row.distribution,
                "version": row.version,
                "status": row.status,
                "problem": row.problem,
                "offers": {
                    kind: [f"{row.name}/{card.name}" for card in row.cards if card.kind == kind]
                    for kind in sorted({card.kind for card in row.cards})
                },
                "hooks": list(row.hooks),
            }
            for row in rows
        ]
        echo(json.dumps(plain, indent=2))
        return 0
    for row in rows:
        counts = {
            kind: sum(card.kind == kind for card in row.cards) for kind in dict.fromkeys(c.kind for c in row.cards)
        }
        offers = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())
        # A plugin of life-cycle hooks alone is at work, though it offers nothing by name.
        what = row.problem or offers or ("hooks only" if set(row.hooks) - registering else "offers nothing")
        echo(f"{row.name}  ({row.distribution} {row.version})  {row.status}: {what}")
    return 0
