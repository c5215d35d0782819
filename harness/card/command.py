"""`harness card`: the transparency sheet of one judge of a run."""

from __future__ import annotations

from pathlib import Path

import click

from harness.console import echo, load_plugins, say


@click.command("card")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.argument("judge")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it into this file.  [default: print it]"
)
@click.option(
    "--drift", type=click.Path(path_type=Path, file_okay=False), help="The folder of a `harness drift` of this judge."
)
@click.pass_context
def command(ctx: click.Context, run: Path, judge: str, out: Path | None, drift: Path | None) -> int:
    """Write the card of JUDGE in RUN: what it was asked, where it fails, its biases, calibration, faithfulness, cost.

    It is Markdown in the form of a model card. Its sentences are made from numbers, each with its interval. No judge is
    asked: call `harness explain` first for what is known of its reasoning.

    \b
    Examples:
      harness card runs/ood-1a2b3c4d5e6f mt-rl-judge
      harness card runs/ood-1a2b3c4d5e6f mt-rl-judge -o CARD.md
    """
    from harness.card.facts import gather_facts
    from harness.card.sheet import write_card
    from harness.runner.folder import write_atomically

    text = write_card(gather_facts(run, judge, load_plugins(ctx), drift=drift))
    if out is None:
        echo(text, nl=False, document=True)
        return 0
    write_atomically(out, text)
    say(f"written: {out}")
    return 0
