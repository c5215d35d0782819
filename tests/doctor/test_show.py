"""What is printed for people."""

from __future__ import annotations

import io
from collections.abc import Callable

from harness.doctor.overlap import Overlap
from harness.doctor.show import print_overlap

Find = Callable[..., Overlap]
JUDGES = "judges: [{use: toy_plugin/learnt, train: r.yaml}]\n"
TASK = "{use: shades, with: {train: [[1], [2], [3]], validation: [[9]], test: [[3], [1]]}}"


def text(found: Overlap, *, width: int = 100) -> str:
    from rich.console import Console

    stream = io.StringIO()
    print_overlap(found, Console(file=stream, width=width, color_system=None, legacy_windows=False))
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def test_splits_leaks_and_examples_are_printed(find: Find) -> None:
    found = find(
        main=f"name: m\ntasks: [{TASK}, {{use: shades, with: {{test: [[3]]}}}}]\n{JUDGES}",
        r=f"name: r\ntasks: [{TASK}]\ntrainer: {{use: counter}}\n",
    )
    assert text(found) == TABLE


TABLE = """\
task      split       used         items  images  distinct
──────────────────────────────────────────────────────────
shades    train       trains r         3       3         3
          validation  selects r        1       1         1
          test        asked            2       2         2
shades-2  train                  skipped       –         –
          validation             skipped       –         –
          test        asked            1       1         1

· shades-2 train is skipped: there is no file of train
· shades-2 validation is skipped: there is no file of validation

2 leaks; 3 pairs of splits share images; 2 splits skipped

      images  in               %  and in             %
──────────────────────────────────────────────────────
leak       2  shades train  66.7  shades test    100.0
leak       1  shades train  33.3  shades-2 test  100.0
           1  shades test   50.0  shades-2 test  100.0

· leak: shades train and shades test, items train-0 = test-1, train-2 = test-0
· leak: shades train and shades-2 test, items train-2 = test-0
· shades test and shades-2 test, items test-0

· images: counted once for each item; distinct: without repeats; %: of the distinct images of the
  split
· items: some of those with a shared image; A = B: the same image under two ids
· leak: the first is learnt from (a recipe does, or it is called train or validation), the second is
  tested on (asked, or called test)
· compared by content: a copy stored in another way is not found; --pixels finds one without a loss
"""


def test_a_quick_look_and_what_is_skipped_are_said(find: Find) -> None:
    said = text(find(main="name: m\ntasks: [{use: shades, with: {test: [[1]]}}]\njudges: [{use: random}]\n", limit=2))
    assert "no two splits share an image; 2 splits skipped (a quick look: at most 2 items of each split)" in said
    assert "· shades train is skipped: there is no file of train\n" in said


def test_tasks_without_pictures_are_said_to_have_none(find: Find) -> None:
    said = text(find(main="name: m\ntasks: [{use: sums}]\njudges: [{use: random}]\n"))
    assert said.endswith("\nthere are no images, and text is not compared\n\n")


def test_names_cannot_play_tricks_on_a_terminal_and_are_never_cut(find: Find) -> None:
    name = r"\e[31mred[bold]" + "x" * 90
    task = f'{{use: shades, name: "{name}", with: {{train: [[1]], test: [[1]]}}}}'
    said = text(find(main=f"name: m\ntasks: [{task}]\njudges: [{{use: random}}]\n"), width=60)
    assert "\x1b" not in said
    assert "�[31mred[bold]" in said
    assert said.count("x") >= 6 * 90  # a name in each table and line that it belongs to
