"""Every number against the truth, small: the scripts of `tests/validity` on a few designs, with few data sets.

The bars are wide enough for the noise of so few, and far above what a percentile bootstrap, tests without a correction,
or ranks of shared answers reach: see `docs/explanation/measured-validity.md` for the real figures.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "validity"))  # last: one of the scripts is named like a library

import boards
import missing
import publish
import ranks
import suites
import truths
from cells import Found, Work, measure
from judges import Design, declined, replies
from sheets import Sheet

SCRIPTS = Path(__file__).parents[1] / "validity"

PARTS = (("a/x", 8, 0.8), ("a/y", 20, 0.9), ("b", 32, 0.7))
GROUPS = ("accuracy@group", "all_right@group", "macro_f1@group")
CATEGORIES = ("accuracy@category", "macro_f1@category")

ROADS = [
    (Design(kind="labels", n=50, truth=0.8, clusters="of 5", prevalence=0.15), (*boards.CLASSES, *GROUPS)),
    (Design(kind="labels", n=60, truth=0.8, clusters="unequal", lopsided=True), boards.CLASSES),
    (Design(kind="labels", n=60, truth=0.8, clusters="of 5", orders=2), boards.CLASSES),
    (Design(kind="labels", n=60, truth=0.8, clusters="of 2", samples=3), boards.CLASSES),
    (Design(kind="labels", n=60, truth=0.9, clusters="strong", orders=2, samples=3), boards.CLASSES),
    (Design(kind="labels", n=60, truth=0.9, clusters="of 5", dependence="copied"), boards.CLASSES),
    (Design(kind="probabilities", n=60, truth=0.9, clusters="of 5", prevalence=0.15), boards.CLASSES),
    (Design(kind="coarse", n=60, truth=0.9, orders=2), boards.CLASSES),
    (Design(kind="scores", n=60, truth=0.9, clusters="of 5"), boards.SCORES),
    (Design(kind="scores", n=60, truth=0.9, samples=3), boards.SCORES),
    (Design(kind="five-point", n=60, truth=0.8, clusters="strong"), boards.SCORES),
    (Design(kind="skew", n=60, truth=0.8), ("pearson",)),
    (Design(kind="ranking", n=60, truth=0.8, clusters="of 5"), boards.RANKINGS),
    (Design(kind="swaps", n=60, truth=0.8, clusters="of 5", orders=2), ("accuracy",)),
    (Design(kind="first", n=60, truth=0.95, orders=2), ("accuracy",)),
    (Design(kind="labels", n=60, truth=0.8, parts=PARTS, weights=(("a/x", 3.0), ("b", 2.0))), CATEGORIES),
    (Design(kind="labels", n=60, truth=0.8, parts=PARTS, clusters="of 5", across=True), CATEGORIES),
]


@pytest.mark.parametrize(("design", "metrics"), ROADS, ids=[design.label for design, _ in ROADS])
def test_replaced_columns_give_the_scores_of_real_answers(design: Design, metrics: tuple[str, ...]) -> None:
    sheet, said = Sheet.of(design, metrics=metrics), replies(design, reps=2, rng=np.random.default_rng(3))
    for rep in range(2):
        fast, slow = (boards.score(table).to_json() for table in (sheet.table(said, rep), sheet.slow_table(said, rep)))
        assert fast == slow


def test_declined_answers_are_those_of_real_answers_too() -> None:
    design = Design(kind="probabilities", n=40, truth=0.8, clusters="of 2")
    rng = np.random.default_rng(3)
    said = replies(design, reps=1, rng=rng)
    said = declined(said, rng.random(said.said.shape) < 0.2)
    sheet = Sheet.of(design, metrics=boards.CLASSES, unparsed="wrong")
    fast, slow = (boards.score(table).to_json() for table in (sheet.table(said, 0), sheet.slow_table(said, 0)))
    assert fast == slow
    assert fast["statuses"]["unparsed"] > 0


@pytest.mark.parametrize(("design", "metrics"), ROADS, ids=[design.label for design, _ in ROADS])
def test_true_values_are_the_mean_over_many_data_sets(design: Design, metrics: tuple[str, ...]) -> None:
    shown = {"swaps": ("swap_consistency",), "first": ("first_position",)}.get(design.kind, metrics)
    shown = ("roc_auc",) if design.kind in ("probabilities", "coarse") else shown
    big = replace(design, n=6000, parts=tuple((name, size * 100, share) for name, size, share in design.parts))
    sheet, said = Sheet.of(big, metrics=metrics), replies(big, reps=4, rng=np.random.default_rng(5))
    slow = {"kendall"} if design.kind == "scores" else set()  # 6,000 different scores: 18 million pairs
    sheet = Sheet.of(big, metrics=tuple(name for name in metrics if name not in slow))
    found = [boards.estimates(boards.score(sheet.table(said, rep))) for rep in range(4)]
    for name in shown:
        if name not in slow:
            mean = np.mean([values[name].value for values in found])
            assert mean == pytest.approx(
                truths.true_value(name, big), abs=0.012 if design.clusters == "none" else 0.035
            ), name


# -- intervals -----------------------------------------------------------------------------------------------------

CELLS = [
    # What a percentile bootstrap covers of each is measured, and in the comment; or, where it says so, what the normal
    # quantile does in place of Student's.
    (Design(kind="labels", n=150, truth=0.99, clusters="of 2"), ("accuracy",)),  # .78
    (Design(kind="labels", n=150, truth=0.99, clusters="of 5"), ("accuracy", "kappa")),  # .70
    (Design(kind="labels", n=150, truth=0.95, clusters="strong"), ("accuracy",)),  # .77
    (Design(kind="labels", n=150, truth=0.8, clusters="unequal", dependence="copied"), ("accuracy",)),  # normal: .83
    (Design(kind="ranking", n=150, truth=0.8, clusters="unequal"), ("levenshtein",)),  # normal: .84
    (Design(kind="labels", n=150, truth=0.95, orders=2), ("macro_f1", "accuracy")),
    (Design(kind="labels", n=50, truth=0.99), ("macro_f1", "balanced_accuracy", "f1", "kappa")),  # .39
    (Design(kind="labels", n=150, truth=0.9, prevalence=0.15), ("balanced_accuracy", "macro_f1")),  # .88, .95
    (Design(kind="labels", n=300, truth=0.8, clusters="of 5", samples=3), ("macro_f1",)),
    (Design(kind="probabilities", n=150, truth=0.99), ("roc_auc",)),
    (Design(kind="swaps", n=300, truth=0.99, orders=2), ("swap_consistency",)),
    (Design(kind="first", n=300, truth=0.95, orders=2), ("first_position",)),
    (Design(kind="ranking", n=150, truth=0.99), ("rank_accuracy",)),
    (Design(kind="five-point", n=150, truth=0.8), ("pearson", "spearman", "kendall", "mae")),
    (
        Design(kind="labels", n=210, truth=0.8, parts=(("a", 200, 0.8), ("b", 5, 0.9), ("c", 5, 0.9))),
        ("accuracy@category",),
    ),  # .65
]


@pytest.fixture(scope="module")
def cells() -> list[Found]:
    return [
        found for design, metrics in CELLS for found in measure(Work(design=design, metrics=metrics, reps=150, seed=1))
    ]


@pytest.mark.slow
def test_intervals_hold_the_true_value(cells: list[Found]) -> None:
    judged = [found for found in cells if found.counts]
    assert len(judged) >= len(cells) / 2, "the board flags more than half"
    low = {found.label: found.coverage for found in judged if found.coverage < 0.88}  # .93 less three standard errors
    assert not low
    assert 0.935 < np.mean([found.coverage for found in judged]) < 0.985


def test_no_interval_is_without_width(cells: list[Found]) -> None:
    perfect = [
        found
        for kind, metrics in (("labels", boards.CLASSES), ("five-point", boards.SCORES), ("ranking", boards.RANKINGS))
        for found in measure(
            Work(
                design=Design(kind=kind, n=60, truth=1.0, clusters="of 2"),
                metrics=metrics,
                reps=3,
                seed=1,
            )
        )
    ]
    assert {found.label: found.zero_width for found in [*cells, *perfect] if found.zero_width} == {}
    assert all(found.covered == found.printed for found in perfect)


# -- tests and ranks -----------------------------------------------------------------------------------------------


def family(shape: str, truths: tuple[float, ...], *, reps: int, **design: object) -> ranks.Found:
    plain = replace(Design(kind="labels", n=150, truth=0.8), **design)  # type: ignore[arg-type]
    return ranks.measure(ranks.Family(design=plain, metric="accuracy", shape=shape, truths=truths, reps=reps, seed=1))


def test_equal_judges_are_seldom_told_apart_with_few_clusters() -> None:
    found = family("equal", (0.8,) * 5, reps=60, n=50, clusters="of 5")
    assert found.share(found.false) <= 0.12  # the paired bootstrap: .18
    assert found.share(found.covered) >= 0.88
    assert found.contradictions == 0


def test_rank_sets_hold_the_true_ranks_of_all() -> None:
    found = family("one better", (0.9, 0.8, 0.8, 0.8, 0.8), reps=60, n=300)
    assert found.share(found.covered) >= 0.88  # one number for each judge: 0
    assert found.share(found.simultaneous) >= 0.88
    assert found.contradictions == 0
    assert found.found / found.different >= 0.6


def test_in_both_orders_intervals_and_tests_agree() -> None:
    found = family("one better", (0.85, 0.8), reps=60, n=300, orders=2)
    assert found.contradictions == 0


# -- missing answers and suites ------------------------------------------------------------------------------------


def test_declining_hard_questions_does_not_pay() -> None:
    pairing = missing.Pairing(n=1000, skipped=(0.05, 0.0), what="two thirds errors", reps=60, seed=1)
    assert missing.measure(pairing).promoted <= 0.08  # by shared answers: .28
    better = missing.Pairing(n=1000, truths=missing.GAP, skipped=(0.01, 0.01), reps=30, seed=1)
    assert missing.measure(better).first >= 18


def test_a_suite_of_one_task_says_what_the_task_says_and_no_suite_leaves_the_range() -> None:
    for suite in (
        suites.Suite(name="one", sizes=(40,), first=(0.95,), second=(0.8,)),
        suites.Suite(name="three items", sizes=(1, 1, 1), first=(1.0,) * 3, second=(0.0,) * 3),
        suites.Suite(name="few errors", sizes=(30, 30), first=(0.99,) * 2),
    ):
        found = suites.measure(replace(suite, reps=10, seed=1))
        assert (found.differs, found.out_of_range, found.zero_p, found.zero_width) == (0, 0, 0, 0), suite.name
        assert found.above[1] == 0 or suite.rivals[0] == suite.rivals[1], suite.name


def test_tasks_that_share_groups_are_not_independent() -> None:
    suite = suites.Suite(name="shared", sizes=(50,) * 3, first=(0.8,) * 3, groups=50, strong=True)
    found = suites.measure(replace(suite, reps=100, seed=1))
    assert found.coverage >= 0.88  # tasks taken as independent: .75
    assert sum(found.above) <= 12


# -- the scripts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "fields"),
    [
        ("coverage.py --only first_position", {"worst", "mean", "flagged", "below_93", "zero_width", "cells", "grid"}),
        ("missing.py", {"promoted_by_declining", "false_claims", "power"}),
        ("suites.py", {"worst", "mean", "size", "out_of_range", "differs"}),
    ],
)
def test_a_script_ends_with_one_json_object_and_writes_its_tables(
    script: str, fields: set[str], tmp_path: Path
) -> None:
    name, *rest = script.split()
    page, block = tmp_path / "page.md", name.removesuffix(".py")
    page.write_text(f"before\n<!-- measured: {block} -->\nold\n<!-- /measured: {block} -->\nafter\n")
    command = [sys.executable, str(SCRIPTS / name), *rest, "--quick", "--reps=2", "--jobs=1"]
    done = subprocess.run([*command, f"--write={page}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {*fields, "reps", "cpu_s", "commit"} <= set(json.loads(done.stdout.splitlines()[-1]))
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("-->\nafter\n")
    assert "old" not in written
    assert "| --- |" in written
    assert "commit" in written


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks\n")
    with pytest.raises(SystemExit, match="has no block <!-- measured: ranks -->"):
        publish.finish("ranks", ["|"], {"commit": "c", "cpu_s": 1.0}, page=page, command="ranks.py")
    assert page.read_text() == "no marks\n"
