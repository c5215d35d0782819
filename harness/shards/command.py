"""`harness merge`: put the shards of a run together."""

from __future__ import annotations

from pathlib import Path

import click

from harness.console import load_plugins, say


@click.command("merge")
@click.argument("shards", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where to; default: beside the shards.")
@click.pass_context
def command(ctx: click.Context, shards: tuple[Path, ...], out: Path | None) -> int:
    """Merge the run folders of all SHARDS of one manifest into the folder of the whole run, and score it.

    The result is what an unsharded run would have made, and `harness run` goes on from it.

    \b
    Example:
      harness run benchmarks/ood.yaml --shard 1/2
      harness run benchmarks/ood.yaml --shard 2/2
      harness merge runs/ood-*-shard-*-of-2
    """
    from harness.pipeline.session import report_run
    from harness.shards.merge import merge_shards

    # Merged before plugins are loaded: the journals need none, and a plugin that fails must not cost the merge.
    folder = merge_shards(shards, out)
    report = report_run(folder, load_plugins(ctx))
    if report is not None:
        report.show()
    say(f"\nrun folder: {folder}")
    return 0
