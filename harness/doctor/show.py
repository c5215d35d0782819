"""The result for people: on a terminal, through rich."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.doctor.overlap import Overlap, Shared
from harness.libraries.text import clean
from harness.report.notes import count_noun
from harness.report.numbers import NOTHING, share

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.doctor.splits import TaskSplit


def print_overlap(found: Overlap, console: Console) -> None:
    """Print the splits, those that share pictures (leaks first), and how to read it."""
    from rich.text import Text

    console.print(_table(["task", "split", "used", "items", "images", "distinct"], _split_rows(found), right=(3, 4, 5)))
    console.print()
    for split, read in found.splits:
        if read.skipped:
            console.print(_bullet(f"{split.name} is skipped: {read.skipped}", style="yellow"))
    if any(read.skipped for _, read in found.splits):
        console.print()
    console.print(Text(_headline(found), style="bold"))
    console.print()
    if found.pairs:
        header = ["", "images", "in", "%", "and in", "%"]
        console.print(_table(header, [_pair_row(pair) for pair in found.pairs], right=(1, 3, 5)))
        console.print()
        for pair in found.pairs:
            console.print(_bullet(_example(pair), style="yellow" if pair.leak else ""))
        console.print()
    for line in _legend(found):
        console.print(_bullet(line, style="dim"))


def _split_rows(found: Overlap) -> list[list[str]]:
    """A row for each split. The task is named in its first row only."""
    rows: list[list[str]] = []
    last = ""
    for split, read in found.splits:
        numbers = [f"{number:,}" for number in (read.items, read.images, read.distinct)]
        if read.skipped:
            numbers = ["skipped", NOTHING, NOTHING]
        rows.append(["" if split.task == last else split.task, split.split, _describe_use(split), *numbers])
        last = split.task
    return rows


def _describe_use(split: TaskSplit) -> str:
    # A manifest's name would fill the column. Recipes are few, and which one learns from a split is the question.
    said = ["asked"] if split.asked else []
    for verb, recipes in (("trains", split.trains), ("selects", split.selects)):
        if recipes:
            said.append(f"{verb} {recipes[0] if len(recipes) == 1 else count_noun(len(recipes), 'recipe')}")
    return ", ".join(said)


def _pair_row(pair: Shared) -> list[str]:
    other = "itself" if pair.a is pair.b else pair.b[0].name
    of_a, of_b = pair.shares
    return ["leak" if pair.leak else "", f"{pair.images:,}", pair.a[0].name, share(of_a), other, share(of_b)]


def _example(pair: Shared) -> str:
    """Items to look at, in words."""
    mark = "leak: " if pair.leak else ""
    if pair.a is pair.b:
        return f"{mark}{pair.a[0].name} is learnt from and tested on"
    items = ", ".join(a if a == b else f"{a} = {b}" for a, b in pair.examples)
    more = ", ..." if pair.images > len(pair.examples) else ""
    return f"{mark}{pair.a[0].name} and {pair.b[0].name}, items {items}{more}"


def _headline(found: Overlap) -> str:
    skipped = sum(1 for _, read in found.splits if read.skipped)
    seen = f"; {count_noun(skipped, 'split')} skipped" if skipped else ""
    if found.limit is not None:
        seen += f" (a quick look: at most {count_noun(found.limit, 'item')} of each split)"
    if not any(read.images for _, read in found.splits) and not found.pairs:
        return f"there are no images, and text is not compared{seen}"
    if not found.pairs:
        return f"no two splits share an image{seen}"
    leaks = count_noun(found.leaks, "leak") if found.leaks else "no leak"
    shared = f"{count_noun(len(found.pairs), 'pair')} of splits share{'s' if len(found.pairs) == 1 else ''} images"
    return f"{leaks}; {shared}{seen}"


def _legend(found: Overlap) -> list[str]:
    if not any(read.images for _, read in found.splits):
        return []
    said = ["images: counted once for each item; distinct: without repeats; %: of the distinct images of the split"]
    if any(pair.examples for pair in found.pairs):
        said.append("items: some of those with a shared image; A = B: the same image under two ids")
    if found.pairs:
        said.append(
            "leak: the first is learnt from (a recipe does, or it is called train or validation), the second is tested "
            "on (asked, or called test)"
        )
    if found.pixels:
        said.append("compared by decoded pixels: a copy stored in another way without a loss is found")
    else:
        said.append("compared by content: a copy stored in another way is not found; --pixels finds one without a loss")
    return said


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int]) -> Table:
    """A table in which numbers are never cut and names fold. Columns without any text are left out."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    # The column of leaks is empty in most reports, and narrow terminals need its width.
    kept = [k for k in range(len(header)) if any(row[k] for row in rows)]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for k in kept:
        table.add_column(header[k], justify="right" if k in right else "left", no_wrap=k in right, overflow="fold")
    for row in rows:
        style = "yellow" if (header[0], row[0]) == ("", "leak") else ""
        table.add_row(*(Text(clean(row[k])) for k in kept), style=style)
    return table


def _bullet(text: str, *, style: str) -> Table:
    """A hanging bullet that wraps within the terminal."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(Text("·", style=style), Text(clean(text), style=style, overflow="fold"))
    return grid
