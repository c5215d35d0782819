"""The experiment on transfer, `benchmarks/train/transfer_*.py`: its design, its records, and its numbers on data whose
truth is known."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

TRAIN = Path(__file__).parents[1] / "benchmarks" / "train"
sys.path.insert(0, str(TRAIN))

import transfer_analysis as analysis  # noqa: E402
import transfer_asking as asking  # noqa: E402
import transfer_design as design  # noqa: E402
import transfer_grid as grid  # noqa: E402
import transfer_power as power  # noqa: E402
import transfer_scores as scores  # noqa: E402
import transfer_tables as tables  # noqa: E402
from transfer_design import INSIDE, PAIRS, Judge  # noqa: E402
from transfer_scores import Records, Value  # noqa: E402

from harness.discovery import Plugins  # noqa: E402
from harness.manifest.load import load_manifest, load_recipe  # noqa: E402


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.load()


# -- design


def test_the_compared_rows_have_the_judges_that_were_asked_for() -> None:
    judges = design.all_judges()
    assert len({judge.label for judge in judges}) == len(judges), "a file each"
    for arm in ("mt-rl", "sft-rationale", "sft-unified", "rl-single", "rl-single-long"):
        mine = [judge for judge in judges if (judge.arm, judge.weakness) == (arm, "shared")]
        assert len({(judge.base, judge.repeat) for judge in mine}) >= 16
    assert {judge.task for judge in judges if judge.arm == "mt-rl-without"} == set(INSIDE)
    first = [judge.label for judge in design.STAGES[0].judges()][:6]
    assert first == [
        "shared-0-off-the-shelf-0",
        "shared-0-mt-rl-0",
        "shared-0-rl-single-alignment-digit-0",
        "shared-0-rl-single-safety-0",
        "shared-0-sft-rationale-0",
        "shared-0-sft-unified-0",
    ], "a part of the first stage is a whole comparison on fewer bases"


def test_judges_are_trained_on_what_their_arm_says() -> None:
    for judge in design.all_judges():
        tasks = judge.train_tasks()
        assert set(tasks) <= set(INSIDE), "pairs are out of distribution for all"
        if judge.arm == "mt-rl-without":
            assert set(tasks) == set(INSIDE) - {judge.task}
        if judge.arm in ("mt-rl-2", "mt-rl-4"):
            assert len(tasks) == int(judge.arm[-1])
            assert set(design.PARENTS) <= set(tasks)
    drawn = {judge.train_tasks() for judge in design.all_judges() if judge.arm == "mt-rl-4"}
    assert len(drawn) > 3, "the other two are drawn by lot"


@pytest.mark.parametrize("arm", [arm for arm in design.ARMS if arm.recipe], ids=lambda arm: arm.name)
def test_recipes_of_every_arm_say_what_the_design_says(arm: design.Arm, tmp_path: Path, plugins: Plugins) -> None:
    judge = next(judge for judge in design.all_judges() if judge.arm == arm.name)
    grid.write_recipes(tmp_path, [judge])
    loaded = load_recipe(grid.recipe_path(tmp_path, judge), plugins=plugins)
    assert [entry.entry.use.removeprefix("miniature/") for entry in loaded.tasks] == list(judge.train_tasks())
    assert loaded.recipe.seed == judge.seed
    for entry in loaded.tasks:
        assert entry.entry.with_["train_items"] == (arm.items or 600)
    expected = arm.steps or {"rl_single.yaml": 20, "sft_single.yaml": 50, "mt_rl_judge.yaml": 120}.get(arm.recipe, 300)
    assert loaded.recipe.trainer.with_["steps"] == expected
    assert loaded.start is not None
    assert loaded.start.recipe.name == f"{judge.weakness}-base-{judge.base}"


def test_both_bases_of_a_seed_are_of_one_chain(tmp_path: Path, plugins: Plugins) -> None:
    judge = Judge(arm="off-the-shelf", weakness="shared", base=3)
    grid.write_recipes(tmp_path, [judge])
    shared = load_recipe(grid.recipe_path(tmp_path, judge), plugins=plugins)
    assert shared.recipe.seed == 3
    assert {entry.entry.use.split("-")[1] for entry in shared.tasks} == {"judges/overlooking"}
    assert shared.start is not None
    assert (shared.start.recipe.name, shared.start.recipe.seed) == ("independent-base-3", 3)
    assert shared.start.start is not None
    assert shared.start.start.recipe.name == "reading", "from here on all bases are one"


@pytest.mark.parametrize("split", ["validation", "test"])
def test_only_the_test_command_names_the_test_split(split: str, tmp_path: Path, plugins: Plugins) -> None:
    for repeated in (False, True):
        tasks = asking.tasks_of(split, repeated=repeated)
        assert {entry["split"] for entry in tasks} == {split}
        judges = [{"use": "baselines/constant"}]
        path = tmp_path / f"{repeated}.yaml"
        path.write_text(json.dumps({"name": "x", "tasks": tasks, "judges": judges}))
        load_manifest(path, plugins=plugins)


# -- answers as letters


def answer(item: str, verdict: str | None, gold: str, **more: Any) -> Any:
    order = more.pop("order", ())
    facts = {"order": more.pop("shown", ""), "sample": 0, "status": "ok", "rationale": "", "group": "g", **more}
    return SimpleNamespace(item=item, verdict=verdict, gold=gold, answer=SimpleNamespace(order=order), **facts)


def test_answers_become_letters_in_the_order_of_the_items() -> None:
    given = [
        answer("2", None, "no", status="outside"),
        answer("1", "yes", "no", rationale="it is safe, and so on", group="h"),
        answer("3", None, "yes", status="truncated"),
        answer("1", "no", "no", sample=1, group="h"),
        answer("2", "no", "no", sample=1),
        answer("3", "yes", "yes", sample=1),
    ]
    found = asking.read_answers("safety", given)
    assert found["gold"] == "nny"
    assert found["groups"] == ["h", "g", "g"]
    assert found["said"] == {"": "yo-", "#1": "nny"}
    assert found["implied"][""] == "n--"


def test_what_a_reasoning_about_places_implies_is_told_in_the_places_of_the_item() -> None:
    says = "Image A shows a seven and the hazard sign. Image B shows a three and no sign."
    shown = answer("1", "A", "A", rationale=says, shown="BA", order=(1, 0))
    (found,) = asking.read_answers("pairwise-safety", [shown])["implied"].values()
    assert found == "A", "B is the safe one as shown, which is A in the item's own places"


def test_judges_that_were_asked_other_items_are_refused(tmp_path: Path) -> None:
    asking.check_items(tmp_path / "items.json", {"a": {"gold": "yn", "groups": ["1", "2"]}})
    asking.check_items(tmp_path / "items.json", {"a": {"gold": "yn", "groups": ["1", "2"]}})
    with pytest.raises(RuntimeError, match="other items"):
        asking.check_items(tmp_path / "items.json", {"a": {"gold": "ny", "groups": ["1", "2"]}})


# -- numbers


def records_of(answers: Mapping[str, Mapping[str, str]], gold: str, groups: list[str]) -> Records:
    """One judge on one task `t`."""
    return Records(records=[{"answers": {"t": answers}}], items={"t": {"gold": gold, "groups": groups}})


def test_macro_f1_is_that_of_scikit_learn_and_a_missing_verdict_is_wrong() -> None:
    from sklearn.metrics import f1_score

    dice = random.Random(0)
    gold = "".join(dice.choice("yn") for _ in range(60))
    said = "".join(dice.choice("yyn-o") for _ in range(60))
    found = records_of({"said": {"": said}, "implied": {"": "-" * 60}}, gold, [str(n) for n in range(60)])
    wrong = {"y": "n", "n": "y"}
    filled = [letter if letter in "yn" else wrong[right] for right, letter in zip(gold, said, strict=True)]
    assert found.value(0, "t", "macro_f1").whole == pytest.approx(100 * f1_score(list(gold), filled, average="macro"))
    assert found.value(0, "t", "outside").whole == pytest.approx(100 * said.count("o") / 60)


def test_without_each_group_is_the_metric_of_the_other_items() -> None:
    gold, said, groups = "yynnyn", "ynnnyy", ["a", "b", "a", "c", "c", "b"]
    found = records_of({"said": {"": said}, "implied": {"": said}}, gold, groups)
    value = found.value(0, "t", "macro_f1")
    for group, place in found.groups.items():
        kept = [n for n in range(6) if groups[n] != group]
        mine = {"": "".join(said[n] for n in kept)}
        alone = records_of({"said": mine, "implied": mine}, "".join(gold[n] for n in kept), [groups[n] for n in kept])
        assert value.without[place] == pytest.approx(alone.value(0, "t", "macro_f1").whole)


def test_consistency_and_reasoning_are_counted_as_they_are_named() -> None:
    answers = {
        "said": {"AB": "AABB-", "BA": "ABBA-"},
        "implied": {"AB": "A-BB-", "BA": "AABB-"},
    }
    found = records_of(answers, "AAAAA", ["1", "2", "3", "4", "5"])
    assert found.value(0, "t", "consistency").whole == pytest.approx(40)
    assert found.value(0, "t", "accuracy").whole == pytest.approx(40)
    assert found.value(0, "t", "reasoning").whole == pytest.approx(30)
    assert found.value(0, "t", "follows").whole == pytest.approx(50)
    repeated = {"said": {"AB": "AA", "AB#1": "AB", "BA": "BB", "BA#1": "BB"}, "implied": {}}
    assert records_of(repeated, "AA", ["1", "2"]).value(0, "t", "repeatable").whole == pytest.approx(75)


def simulated(dice: np.random.Generator, *, bases: int, items: int, sd_base: float, sd_item: float) -> dict[int, Value]:
    """Values of bases whose true mean is 0; bases and items are drawn."""
    by_item = dice.normal(0, sd_item, items)
    cells = dice.normal(0, sd_base, (bases, 1)) + by_item + dice.normal(0, 5, (bases, items))
    return {base: Value(float(row.mean()), (row.sum() - row) / (items - 1)) for base, row in enumerate(cells)}


@pytest.mark.parametrize(("sd_base", "sd_item"), [(4.0, 0.0), (4.0, 20.0), (0.0, 20.0)])
def test_intervals_cover_and_tests_keep_their_level(sd_base: float, sd_item: float) -> None:
    dice, rounds, covered, rejected = np.random.default_rng(1), 1500, 0, 0
    for _ in range(rounds):
        found = scores.estimate(simulated(dice, bases=9, items=80, sd_base=sd_base, sd_item=sd_item))
        low, high = found.interval
        covered += low <= 0 <= high
        rejected += found.p_value(side="greater", threshold=0) <= 0.05
    # Four standard errors of a share of 1,500; too wide is allowed, since the two parts overlap.
    assert covered / rounds > 0.95 - 4 * (0.05 * 0.95 / rounds) ** 0.5
    assert rejected / rounds < 0.05 + 4 * (0.05 * 0.95 / rounds) ** 0.5
    assert covered / rounds < 0.99, "not so wide that nothing is seen"


def test_without_items_it_is_students_t_over_bases() -> None:
    from scipy import stats

    values = [3.0, 5.0, 4.0, 8.0]
    found = scores.estimate({base: Value(value, np.full(5, value)) for base, value in enumerate(values)})
    assert found.interval == pytest.approx(stats.t.interval(0.95, 3, loc=5, scale=stats.sem(values)))
    greater = stats.ttest_1samp(values, 4, alternative="greater").pvalue
    assert found.p_value(side="greater", threshold=4) == pytest.approx(greater)
    assert found.p_value(side="less", threshold=4) == pytest.approx(1 - greater)
    assert np.isnan(scores.estimate({0: Value(3.0, np.full(5, 3.0))}).interval[0]), "one base tells no interval"


def test_holm_is_that_of_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    values = [0.04, 0.001, 0.3, 0.011, 1.0, 0.011]
    assert analysis.holm(values) == pytest.approx(list(multipletests(values, method="holm")[1]))


# -- the analysis on results whose truth is known


def made_up(dice: random.Random, rates: Mapping[tuple[str, str], float], *, items: int = 60, bases: int = 9) -> Records:
    """Judges of the main stages who are right with a probability given by weakness and arm, give or take their base."""
    gold = dict.fromkeys(PAIRS, "AB" * (items // 2)) | dict.fromkeys(INSIDE, "yn" * (items // 2))
    groups = [str(number // 2) for number in range(items)]
    records = []
    stages = [replace(stage, bases=tuple(range(bases))) for stage in design.STAGES[:5]]
    for judge in design.all_judges(stages):
        own = random.Random(f"{judge.weakness}{judge.base}{judge.arm}{dice.random()}").gauss(0, 0.03)
        rate = min(1.0, max(0.0, rates[judge.weakness, judge.arm] + own))
        answers = {}
        for task, right in gold.items():
            orders = ("AB", "BA") if task in PAIRS else ("",)
            said = {
                order: "".join(letter if dice.random() < rate else scores._OTHER[letter] for letter in right)
                for order in orders
            }
            answers[task] = {"said": said, "implied": said}
        records.append({**grid.describe(judge), "answers": answers})
    return Records(records=records, items={task: {"gold": right, "groups": groups} for task, right in gold.items()})


STATED = json.loads((TRAIN / "transfer_predictions.json").read_text())
TRUE = {
    ("shared", "off-the-shelf"): 0.5,
    ("shared", "mt-rl"): 0.9,
    ("shared", "rl-single"): 0.9,
    ("shared", "rl-single-long"): 0.95,
    ("shared", "sft-rationale"): 0.95,
    ("shared", "sft-unified"): 0.3,
    ("shared", "mt-rl-without"): 0.5,
    ("independent", "off-the-shelf"): 0.7,
    ("independent", "mt-rl"): 0.6,
    ("independent", "rl-single"): 0.6,
    ("independent", "sft-rationale"): 0.6,
    ("independent", "sft-unified"): 0.3,
}


def test_predictions_that_are_true_are_found_and_others_are_not() -> None:
    found = {tested.name: tested for tested in analysis.check_predictions(made_up(random.Random(1), TRUE), STATED)}
    assert set(found) == {prediction["name"] for prediction in STATED["predictions"]}
    # In these data a judge of one task is as good at the other pairs, and "breadth" is false.
    assert {name for name, tested in found.items() if not tested.held} == {"breadth"}
    carried = found["carries-over"].found
    assert carried is not None
    assert carried.interval[0] < 40 < carried.interval[1]
    caused = found["shared-cause"].found
    assert caused is not None
    assert caused.interval[0] < 50 < caused.interval[1], "0.4 - (-0.1)"


@pytest.mark.slow
def test_families_of_true_nulls_are_rejected_at_most_at_their_level() -> None:
    # Arms are equal and every threshold is 0, so that each rejection is false.
    null = {
        "level": 0.05,
        "metric": "macro_f1",
        "predictions": [{**one, "threshold": 0} for one in STATED["predictions"]],
    }
    equal = dict.fromkeys(TRUE, 0.7)
    dice, rounds = random.Random(3), 60
    false = sum(
        any(tested.held for tested in analysis.check_predictions(made_up(dice, equal, items=20), null))
        for _ in range(rounds)
    )
    # Of 60 rounds at 0.05, more than 9 come once in a thousand times.
    assert false <= 9


def test_a_prediction_that_cannot_be_tested_stays_in_the_family() -> None:
    whole = made_up(random.Random(1), TRUE)
    part = replace(whole, records=[record for record in whole.records if record["arm"] != "mt-rl-without"])
    tested = {found.name: found for found in analysis.check_predictions(part, STATED)}
    assert (tested["task-by-task"].found, tested["task-by-task"].p, tested["task-by-task"].held) == (None, 1.0, False)
    smallest = min(tested.values(), key=lambda found: found.p)
    assert smallest.corrected == pytest.approx(len(STATED["predictions"]) * smallest.p)


def test_a_judge_of_one_task_answers_its_own_pairs_or_all() -> None:
    assert analysis.asked_of("rl-single", "own", "safety") == ["pairwise-safety"]
    assert analysis.asked_of("rl-single", "pairs", "safety") == list(PAIRS)
    assert analysis.asked_of("rl-single", "own", "technical") == []
    assert analysis.asked_of("mt-rl", "own", "") == list(PAIRS)
    assert analysis.judges_of("rl-single", "own") == design.PARENTS
    assert analysis.judges_of("rl-single", "inside") == INSIDE
    assert analysis.asked_of("mt-rl-without", "left-out", "safety") == ["safety"]
    assert analysis.asked_of("off-the-shelf", "left-out", "") == list(INSIDE)


def test_arms_are_paired_by_the_repeats_that_both_have() -> None:
    whole = made_up(random.Random(2), TRUE)
    lacking = [
        record for record in whole.records if (record["arm"], record["base"], record["repeat"]) != ("sft-unified", 4, 0)
    ]
    part = replace(whole, records=lacking)
    mine = analysis.by_repeat(part, "mt-rl", "shared", 4, "pairs", "macro_f1")
    other = analysis.by_repeat(part, "sft-unified", "shared", 4, "pairs", "macro_f1")
    found = analysis.difference(part, "mt-rl", "sft-unified", "shared", "pairs", "macro_f1")
    assert found[4].whole == pytest.approx(mine[1].whole - other[1].whole)


def test_the_slope_of_the_dose_is_that_of_least_squares() -> None:
    rates = TRUE | {("shared", arm): 0.6 + 0.1 * place for place, arm in enumerate(analysis.DOSES)}
    whole = made_up(random.Random(4), rates)
    extra = [
        {**record, "arm": arm}
        for arm in ("mt-rl-2", "mt-rl-4")
        for record in whole.records
        if record["arm"] == "mt-rl" and record["weakness"] == "shared"
    ]
    records = replace(whole, records=[*whole.records, *extra])
    columns = [analysis.level(records, arm, "shared", "own", "macro_f1") for arm in analysis.DOSES]
    expected = np.polyfit(np.log2(list(analysis.DOSES.values())), [column[0].whole for column in columns], 1)[0]
    assert analysis.dose_slope(records, "shared", "macro_f1")[0].whole == pytest.approx(expected)


def test_the_report_and_the_figure_show_every_arm_there_is(tmp_path: Path) -> None:
    records = made_up(random.Random(1), TRUE)
    repeated = [{**record, "repeated": record["answers"]} for record in records.records]
    text = "\n".join(analysis.report(replace(records, records=repeated), STATED))
    for arm in {arm for _, arm in TRUE}:
        assert f"| {arm} |" in text
    assert "nan" not in text
    pytest.importorskip("matplotlib")
    import transfer_figure

    for name in ("a", "b"):
        transfer_figure.draw(records, tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


# -- power


def test_the_stated_power_is_the_share_of_simulated_experiments_that_show_it() -> None:
    distance = power.detectable(bases=9, repeats=2, between=3.0, within=7.5, items=0.0, alpha=0.05)
    dice, shown, rounds = np.random.default_rng(5), 0, 1500
    for _ in range(rounds):
        means = distance + dice.normal(0, 3, 9) + dice.normal(0, 7.5, (9, 2)).mean(1)
        values = {base: Value(float(mean), np.full(3, mean)) for base, mean in enumerate(means)}
        shown += scores.estimate(values).p_value(side="greater", threshold=0) <= 0.05
    assert shown / rounds == pytest.approx(power.POWER, abs=4 * (0.8 * 0.2 / rounds) ** 0.5)


def test_the_spread_of_the_pilot_is_of_the_committed_results() -> None:
    found = power.pilot_spread()
    assert set(found) == set(power.PILOT)
    assert all(2 < value < 15 for value in found.values())


PAGE = TRAIN.parents[1] / "docs" / "explanation" / "what-carries-over.md"


def shown_between(name: str) -> str:
    """What the page shows between two marks."""
    return PAGE.read_text().split(f"<!-- {name}: ")[1].split("-->\n", 1)[1].split(f"<!-- /{name} -->")[0].strip()


def test_the_page_states_the_power() -> None:
    assert shown_between("power").splitlines() == list(power.document_of_pilot())


def test_the_page_shows_the_numbers_of_the_answers_that_are_kept() -> None:
    kept = scores.read_records(tables.RESULTS / "test.jsonl.gz", tables.RESULTS / "test-items.json")
    analysis.check_whole(kept, STATED)
    for name, lines in tables.document(kept, STATED).items():
        assert shown_between(name).splitlines() == lines, name


def test_the_page_shows_numbers_that_the_registered_analysis_prints() -> None:
    kept = scores.read_records(tables.RESULTS / "test.jsonl.gz", tables.RESULTS / "test-items.json")
    printed = "\n".join(analysis.report(kept, STATED))
    lines = "\n".join(line for table in tables.document(kept, STATED).values() for line in table)
    shown = re.findall(r"[+-]?\d+\.\d \([+-]?\d+\.\d to [+-]?\d+\.\d\)", lines)
    assert len(shown) > 80
    # It does not print the samples of the other weakness.
    others = {line.split(" | ")[2].rstrip(" |") for line in tables.show_repeats(kept)}
    assert {number for number in shown if number not in printed} <= others


def test_the_judges_of_a_base_started_from_one_base_and_the_analysis_is_the_registered_one() -> None:
    kept = scores.read_records(tables.RESULTS / "validation.jsonl.gz", tables.RESULTS / "validation-items.json")
    assert all(record["base_weights"] for record in kept.records)
    analysis.check_whole(kept, STATED)
    registered = json.loads((tables.RESULTS / "registered.json").read_text())
    assert grid.hashes(TRAIN) == registered["files"]


# -- the test split stays closed


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the predictions and the analysis, committed."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in grid.FIXED:
        shutil.copyfile(TRAIN / name, folder / name)
    run_git(folder, "init", "-q")
    commit(folder)
    return folder


def run_git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True)


def commit(folder: Path) -> None:
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-q", "-m", "x")


def test_the_test_split_opens_for_what_was_registered_and_committed(repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(SystemExit, match="run `register` first"):
        grid.check_registered(out, folder=repository)
    grid.register(out, folder=repository)
    grid.check_registered(out, folder=repository)


def test_the_test_split_stays_closed_where_predictions_changed(repository: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "out", repository / "transfer_predictions.json"
    grid.register(out, folder=repository)
    file.write_text(file.read_text().replace('"threshold": 10', '"threshold": 1'))
    with pytest.raises(SystemExit, match=r"transfer_predictions.json: not as registered"):
        grid.check_registered(out, folder=repository)
    with pytest.raises(SystemExit, match="not committed"):
        grid.register(out, folder=repository)
    commit(repository)
    with pytest.raises(SystemExit, match="not as registered"):
        grid.check_registered(out, folder=repository)
    grid.register(out, folder=repository)  # no test item was asked yet
    grid.check_registered(out, folder=repository)
    (out / "records" / "test").mkdir(parents=True)
    (out / "records" / "test" / "x.json").write_text("{}")
    before = (out / grid.REGISTERED).read_text()
    grid.register(out, folder=repository)
    assert (out / grid.REGISTERED).read_text() == before, "the same again changes nothing, its time included"
    file.write_text(file.read_text().replace('"threshold": 1', '"threshold": 0'))
    commit(repository)
    with pytest.raises(SystemExit, match="opened under another registration"):
        grid.register(out, folder=repository)


def test_a_registration_outside_git_is_refused(repository: Path, tmp_path: Path) -> None:
    shutil.rmtree(repository / ".git")
    with pytest.raises(SystemExit, match="commit the predictions first"):
        grid.register(tmp_path / "out", folder=repository)


def test_test_answers_stay_closed_until_every_predicted_judge_was_asked() -> None:
    judges = design.all_judges([stage for stage in design.STAGES if stage.name in STATED["stages"]])
    asked = [{**grid.describe(judge), "repeated": {}} for judge in judges]
    analysis.check_whole(scores.Records(records=asked, items={}), STATED)
    with pytest.raises(SystemExit, match=f"1 of {len(judges)} judges .* were not asked yet, such as {judges[7].label}"):
        analysis.check_whole(scores.Records(records=asked[:7] + asked[8:], items={}), STATED)
    validation = [grid.describe(judge) for judge in judges[:7]]
    analysis.check_whole(scores.Records(records=validation, items={}), STATED)


def test_judges_of_a_base_that_was_trained_twice_are_refused() -> None:
    judges = [Judge(arm=arm, weakness="shared", base=3) for arm in ("mt-rl", "sft-unified")]
    for weights, refused in ((("a", "a"), False), (("a", "b"), True)):
        records = [{**grid.describe(judge), "base_weights": mine} for judge, mine in zip(judges, weights, strict=True)]
        with pytest.raises(SystemExit, match=r"base 3, shared: .* 2 different") if refused else nullcontext():
            analysis.check_whole(scores.Records(records=records, items={}), STATED)


# -- the smallest cell


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped base, so that no base has to be trained."""
    from harness_miniature_judges.shipped import assemble

    return assemble("off-the-shelf", tmp_path_factory.mktemp("work"))


@pytest.mark.slow
def test_the_smallest_cell_runs_and_is_exported(start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(arm="mt-rl", weakness="shared", base=0)
    changes = {
        "train": None,
        "model": str(start),
        "vars.items": 24,
        "vars.steps": 1,
        "trainer.with.warmup": 0,
        "trainer.with.validation.limit": 2,
    }
    out = tmp_path / "out"
    grid.train(out, judge, items=4, changes=changes)
    record = json.loads((out / "records" / "validation" / f"{judge.label}.json").read_text())
    assert set(record["answers"]) == {*INSIDE, *PAIRS}
    assert record["cpu_seconds"]["train"] > 0
    assert {"accuracy", "safety/accuracy", "safety/macro_f1"} <= set(record["validation_curve"]["1"])
    assert not list(out.glob("work*"))
    before = (out / "records" / "validation" / f"{judge.label}.json").stat().st_mtime_ns
    grid.train(out, judge, items=4, changes=changes)
    assert (out / "records" / "validation" / f"{judge.label}.json").stat().st_mtime_ns == before, "once"
    monkeypatch.chdir(tmp_path)
    grid.ask_test(Path("out"), judge, items=4)  # as the page calls it, from a folder that is given relatively
    grid.export(out, tmp_path / "to")
    for split in ("validation", "test"):
        read = scores.read_records(tmp_path / "to" / f"{split}.jsonl.gz", tmp_path / "to" / f"{split}-items.json")
        folder = scores.read_records(out / "records" / split, out / "items" / f"{split}.json")
        assert read.records == folder.records
        value = read.value(0, "pairwise-alignment", "accuracy").whole
        assert value in {12.5 * number for number in range(9)}, "four items in both orders"
    assert "mt-rl" in grid.status(out)
    again = tmp_path / "again"
    grid.restore(again, tmp_path / "to")
    for split in ("validation", "test"):
        name = f"records/{split}/{judge.label}.json"
        assert (again / name).read_bytes() == (out / name).read_bytes()
        assert (again / f"items/{split}.json").read_bytes() == (out / f"items/{split}.json").read_bytes()
    grid.train_and_test(again, judge)  # nothing is done twice, and no weights are needed
    (again / "records" / "test" / f"{judge.label}.json").unlink()
    with pytest.raises(RuntimeError, match="its weights are not here"):
        grid.ask_test(again, judge)


def test_bases_are_exported_and_taken_back_to_the_last_bit(tmp_path: Path) -> None:
    model = tmp_path / "out" / "checkpoints" / "shared-base-3-abc" / "model"
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(bytes(range(256)))
    (model.parent / "run.lock").write_text("7")
    grid.export(tmp_path / "out", tmp_path / "kept")
    grid.restore(tmp_path / "again", tmp_path / "kept")
    again = tmp_path / "again" / "checkpoints" / "shared-base-3-abc"
    assert (again / "model" / "model.safetensors").read_bytes() == bytes(range(256))
    assert not (again / "run.lock").exists()


def test_a_judge_that_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    judges = [Judge(arm="mt-rl", weakness="shared", base=base) for base in range(3)]
    done = []

    def fail_first(out: Path, judge: Judge) -> None:
        if judge.base == 0:
            raise RuntimeError("it broke")
        done.append(judge.base)
        (out / grid.STOP).touch()

    grid.work(tmp_path, judges, fail_first)
    assert done == [1], "and a file STOP ends it"
    assert "shared-0-mt-rl-0 failed: RuntimeError: it broke" in (tmp_path / "log.txt").read_text()
