"""`harness doctor`: what is wrong with this installation, or which splits share images."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import checkpoints_option, echo, load_plugins, say

if TYPE_CHECKING:
    from harness.doctor.health import Health

_DEAREST = 3


@click.command("doctor")
@click.option(
    "--overlap",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="MANIFEST",
    help="Say which splits of a manifest or recipe share images; may be given several times.",
)
@click.option("--pixels", is_flag=True, help="Compare decoded pixels: finds copies stored again without a loss.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Read at most N items of each split.")
@click.option("--fail-on-leak", is_flag=True, help="Exit code 4 when there is a leak.")
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Override one value of each file.")
@click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Where run folders are kept.",
)
@checkpoints_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    pixels: bool,
    limit: int | None,
    fail_on_leak: bool,
    sets: tuple[str, ...],
    runs: Path,
    checkpoints: Path,
    as_json: bool,
) -> int:
    """Say what is wrong with this installation; with --overlap, which splits share images.

    Alone it prints versions and only those plugins and folders that have a problem. Exit code 2 when something is
    broken. `harness plugins` lists them all.

    With --overlap it reads the images of every split of every task of MANIFEST, of a recipe, of the recipes that judges
    name and of what these start from; no judge is made. A leak is an image that is learnt from in one split and tested
    on in another.

    \b
    Examples:
      harness doctor
      harness doctor --overlap benchmarks/in_distribution.yaml
      harness doctor --overlap benchmarks/ood.yaml --overlap benchmarks/train/mt_rl_judge.yaml --fail-on-leak
    """
    if not files:
        if pixels or limit is not None or fail_on_leak or sets:
            raise click.UsageError("--pixels, --limit, --fail-on-leak and --set are for --overlap MANIFEST", ctx)
        return _health(ctx, (runs, checkpoints), as_json=as_json)
    from harness.doctor.overlap import find_overlap
    from harness.doctor.splits import load_files, task_splits

    plugins = load_plugins(ctx)
    loaded = load_files(files, sets=sets, plugins=plugins)
    splits = task_splits(loaded, plugins, runs=runs, checkpoints=checkpoints)
    found = find_overlap(splits, pixels=pixels, limit=limit, say=say)
    if as_json:
        echo(json.dumps(found.to_json(), indent=2))
    else:
        from harness.doctor.show import print_overlap
        from harness.report.lines import make_console

        print_overlap(found, make_console())
    return 4 if fail_on_leak and found.leaks else 0


def _health(ctx: click.Context, folders: tuple[Path, ...], *, as_json: bool) -> int:
    from harness.doctor.health import examine

    health = examine(lambda: load_plugins(ctx, warn=False), folders=folders)
    if as_json:
        echo(json.dumps(health.to_json(), indent=2))
    else:
        _print_health(health)
    return 2 if health.is_broken else 0


def _print_health(health: Health) -> None:
    """What is wrong, then a short summary."""
    for finding in health.findings:
        echo(f"{'BROKEN' if finding.broken else 'note'}  {finding.subject}: {finding.problem}")
    versions = ", ".join(f"{name} {version}" for name, version in health.versions.items())
    echo(textwrap.fill(versions, width=100, break_on_hyphens=False))
    plugins = ", ".join(f"{count} {status}" for status, count in health.plugins.items()) or "none"
    echo(textwrap.fill(f"plugins: {plugins}{_loading(health)}", width=100, break_on_hyphens=False))
    for folder, free in health.folders.items():
        echo(f"{folder}: can be written to, {free / 2**30:,.1f} GiB free")
    broken = sum(finding.broken for finding in health.findings)
    echo(f"{broken} broken" if broken else "nothing is broken")


def _loading(health: Health) -> str:
    """What loading the slowest plugins took; `--json` has all of them."""
    each = list(health.loading.items())
    if not each:
        return ""
    said = [f"{name} {taken:.0f}" for name, taken in each[:_DEAREST]]
    if others := each[_DEAREST:]:
        said.append(f"others {sum(taken for _, taken in others):.0f}")
    return f"; ms of CPU to load: {', '.join(said)}"
