"""`harness estimate`, from runs that `harness run` made and from files as people write them."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from harness.api import (
    Choice,
    DataError,
    Preference,
    Protocol,
    Ranking,
    RecordedAnswer,
    Score,
    Status,
    UserError,
    Verdict,
)
from harness.cli import cli
from harness.report.verdicts import VerdictItems, as_arrays, items_from_answers, items_from_file, make_target

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HARNESS_TEST_DATA", ROOT.parent / "shared" / "data"))
YES, PAIR, TIED = Choice(("yes", "no")), Preference(2), Preference(2, ("good", "bad"))
STARS = Score(1, 5, 1)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def make_run(
    folder: Path,
    name: str,
    golds: Sequence[str],
    said: Sequence[str | None],
    *,
    prefix: str = "",
    judges: tuple[str, ...] = ("my-judge",),
    answers: list[str] | None = None,
) -> Path:
    """A finished run of recorded yes/no verdicts; two items in a row share a source."""
    rows = [
        {"id": f"{prefix}{k}", "text": f"{prefix} text {k}", "spam": gold, "source": f"s{k // 2}"}
        for k, gold in enumerate(golds)
    ]
    write(folder / f"{name}.jsonl", rows)
    told = [{"id": f"{prefix}{k}", **({"verdict": w} if w else {"response": "hm"})} for k, w in enumerate(said)]
    write(folder / f"{name}-answers.jsonl", told)
    manifest = {
        "name": name,
        "tasks": [
            {
                "use": "generic/pointwise",
                "name": "spam",
                "data": str(folder / f"{name}.jsonl"),
                "with": {
                    "question": "Spam? {text}",
                    "answers": answers or ["yes", "no"],
                    "gold": "spam",
                    "id": "id",
                    "group": "source",
                },
                "protocol": {"min_coverage": 0.0},
            }
        ],
        "judges": [
            {"name": judge, "use": "baselines/replay", "with": {"answers": str(folder / f"{name}-answers.jsonl")}}
            for judge in judges
        ],
        "report": {"resamples": 100},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
    result = invoke("run", path, "--runs", folder / "runs")
    assert result.exit_code == 0, f"{result.output}{result.exception}"
    (made,) = (found.parent for found in (folder / "runs").glob(f"{name}-*/journal.sqlite"))
    return made


GOLDS = ["yes"] * 40 + ["no"] * 60
SAID: Sequence[str | None] = ["yes"] * 34 + ["no"] * 6 + ["yes"] * 9 + ["no"] * 51
"""Sensitivity 34/40, specificity 51/60."""


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("labelled"), "labelled", GOLDS, SAID)


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = tmp_path / "votes.csv"
    path.write_text("n,answer\n" + "".join(f"{k},{'yes' if k % 10 < 3 else 'No'}\n" for k in range(1000)))
    return path


def by_method(plain: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["method"]: one for one in plain["estimates"]}


def as_json(*arguments: object) -> dict[str, Any]:
    result = invoke("estimate", *arguments, "--json")
    assert result.exit_code == 0, f"{result.output}{result.exception}"
    plain: dict[str, Any] = json.loads(result.stdout)
    return plain


# -- through the command line --------------------------------------------------------------------------------------


def test_no_share_is_rounded_to_nothing_and_no_limit_below_what_it_limits(labelled: Path, tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("n,answer\n0,\n" + "".join(f"{k},{'yes' if k % 10 < 4 else 'no'}\n" for k in range(1, 60_000)))
    found = invoke("estimate", labelled, path, "--column", "answer")
    said = " ".join(found.stdout.split())
    assert "no verdict on 0.0 % of the labelled and on 0.1 % of the other items" in said, "one of 60,000 is not none"
    worth, most = re.findall(r"is worth ([\d.]+) .*; at most ([\d.]+), however many", said)[0]
    assert float(worth) <= float(most), "the limit has the digits of the worth"


def test_a_file_of_verdicts_is_corrected_by_the_runs_own_error_rates(labelled: Path, votes: Path) -> None:
    plain = as_json(labelled, votes, "--column", "answer")
    assert plain["schema"] == "judge-harness/estimate/1"
    assert (plain["target"], plain["label"], plain["judge"]) == ("share of 'yes'", "yes", "my-judge")
    assert (plain["labelled"], plain["labelled_clusters"], plain["unlabelled"]) == (100, 50, 1000)
    assert plain["sensitivity"]["value"] == pytest.approx(0.85)
    assert plain["specificity"]["value"] == pytest.approx(0.85)
    found = by_method(plain)
    assert found["judge-alone"]["value"] == pytest.approx(0.3)
    assert found["labels-alone"]["value"] == pytest.approx(0.4)
    assert found["rogan-gladen"]["value"] == pytest.approx((0.3 + 0.85 - 1) / 0.7, abs=1e-6)
    assert 0.2143 < found["ppi++"]["value"] < 0.4, "between what the judge knows and the labels"
    for one in found.values():
        assert one["ci_low"] < one["value"] < one["ci_high"]
    assert plain["label_worth"]["ci_low"] > 1
    other = by_method(as_json(labelled, votes, "--column", "answer", "--class", "NO"))
    assert other["rogan-gladen"]["value"] == pytest.approx(1 - found["rogan-gladen"]["value"], abs=1e-6)
    assert other["rogan-gladen"]["ci_low"] == pytest.approx(1 - found["rogan-gladen"]["ci_high"], abs=1e-6)
    assert other["ppi++"]["ci_low"] == pytest.approx(1 - found["ppi++"]["ci_high"], abs=1e-6)


def test_it_prints_a_table_and_says_in_words_what_it_rests_on(labelled: Path, votes: Path) -> None:
    result = invoke("estimate", labelled, votes, "--column", "answer", "--confidence", "0.9")
    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    for part in (
        "share of 'yes' · spam · my-judge",
        "the judge alone 30.0",
        "the labels alone 40",
        "corrected: Rogan-Gladen 21",
        "corrected: PPI++",
        "100 items in 50 clusters with a label, 1,000 items without",
        "sensitivity 85",
        "one label with this judge is worth",
        "interval: 90 % confidence",
        "PPI++: the labelled items are a random sample of the population",
        "the mix of classes may differ",
        "neither holds where the items themselves differ",
    ):
        assert part in said
    assert len(result.stdout.splitlines()[2]) <= 80


def test_a_second_run_is_read_without_its_gold_and_without_items_that_are_labelled(
    labelled: Path, tmp_path: Path
) -> None:
    more = make_run(tmp_path, "more", ["no"] * 300, ["yes"] * 90 + ["no"] * 200 + [None] * 10, prefix="b")
    found = as_json(labelled, more)
    assert (found["unlabelled"], found["unlabelled_clusters"], found["already_labelled"]) == (300, 150, 0)
    assert by_method(found)["judge-alone"]["value"] == pytest.approx(0.3)
    assert found["unlabelled_without_verdict"] == pytest.approx(10 / 300, abs=1e-6)
    assert found["unlabelled_from"] == f"{more.name}:spam"
    assert "is not set up alike" in found["warnings"][0], "recorded answers lie in two files"
    again = make_run(tmp_path, "again", ["no"] * 150, [*SAID, *["no"] * 50])
    kept = as_json(labelled, again)
    assert (kept["unlabelled"], kept["already_labelled"]) == (50, 100)


def test_ids_of_a_file_join_rows_and_leave_out_what_is_labelled(labelled: Path, tmp_path: Path) -> None:
    rows = [{"id": str(k), "verdict": "yes"} for k in range(10)]
    rows += [{"id": f"c{k // 2}", "verdict": "yes" if k % 4 else "no", "from": f"g{k // 8}"} for k in range(80)]
    path = write(tmp_path / "votes.jsonl", [{"from": "x", **row} for row in rows])
    plain = as_json(labelled, path, "--id", "id", "--group", "from")
    assert (plain["unlabelled"], plain["already_labelled"], plain["unlabelled_clusters"]) == (40, 10, 10)
    assert by_method(plain)["judge-alone"]["value"] == pytest.approx(0.75)


def test_what_speaks_against_the_numbers_is_said(tmp_path: Path, votes: Path) -> None:
    golds = ["yes", "no"] * 40
    coin = make_run(tmp_path, "coin", golds, ["yes", "yes", "no", "no"] * 20)
    plain = as_json(coin, votes, "--column", "answer")
    assert "not better than chance (sensitivity 50.0 %, specificity 50.0 %)" in plain["warnings"][0]
    assert by_method(plain)["rogan-gladen"] == {"method": "rogan-gladen", "value": None, "ci_low": 0, "ci_high": 1}
    sure = make_run(tmp_path, "sure", golds, ["yes", "yes", "yes", "no"] * 20)
    assert "outside of the 50.0 to 100.0 %" in " ".join(as_json(sure, votes, "--column", "answer")["warnings"])
    weak = make_run(tmp_path, "weak", golds[:20], ["yes", "no", "no", "yes", "yes", "no"] * 3 + ["yes", "no"])
    assert "do not show that the judge is better" in " ".join(as_json(weak, votes, "--column", "answer")["warnings"])
    lone = make_run(tmp_path, "lone", ["no"] * 20, ["no"] * 20)
    warnings = " ".join(as_json(lone, votes, "--column", "answer")["warnings"])
    assert "none of the labelled items is 'yes'" in warnings
    assert "not samples of one population" in warnings
    few = make_run(tmp_path, "few", golds[:6], ["yes", "no"] * 3)
    assert "too few for the intervals" in " ".join(as_json(few, votes, "--column", "answer")["warnings"])


def test_mistakes_name_the_object_the_place_and_the_fix(labelled: Path, votes: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_text("answer\nyes\nmaybe\n")
    two = make_run(tmp_path, "two", ["yes", "no"] * 3, ["yes", "no"] * 3, judges=("one", "two"))
    many = make_run(
        tmp_path, "many", ["a", "b", "c"] * 2, ["a", "b", "c"] * 2, answers=["a", "b", "c"], judges=("my-judge",)
    )
    for arguments, words in (
        ((labelled, votes), ("votes.csv, line 2", "no column 'verdict'", "--column")),
        ((labelled, odd), ("odd.csv, line 3", "one of yes, no", "'maybe'", "leave the cell empty")),
        ((labelled, tmp_path / "none.csv"), ("none.csv", "no such file or run folder")),
        ((labelled, tmp_path), ("not a run folder",)),
        ((labelled, votes, "--column", "answer", "--class", "yess"), ("'yess'", "Did you mean 'yes'")),
        ((two, votes), ("2 judges (one, two)", "--judge")),
        ((two, votes, "--judge", "tow"), ("no judge 'tow'",)),
        ((labelled, two), ("no answers of the judge my-judge",)),
        ((labelled, labelled), ("no other task than the labelled one",)),
        ((labelled, votes, "--unlabelled-task", "x"), ("--unlabelled-task is for an UNLABELLED that is a run",)),
        ((labelled, labelled, "--id", "x"), ("--id is for an UNLABELLED that is a file",)),
        ((many, votes), ("3 classes", "--class: a, b, c")),
    ):
        result = invoke("estimate", *arguments)
        said = f"{result.output}{result.exception}"
        assert result.exit_code != 0
        assert isinstance(result.exception, UserError | SystemExit), said
        assert all(word in said for word in words), said


def rows_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.slow
def test_on_real_judges_the_corrected_win_rate_is_that_of_all_votes(tmp_path: Path) -> None:
    """GenAI-Bench: 500 random votes are labels, a judge's answers to the other 1,235 a file, their votes the truth."""
    source = DATA / "genai_bench" / "image_generation"
    if not source.is_dir():
        pytest.skip(f"the recorded answers of genai_bench are not in {DATA}; set HARNESS_TEST_DATA")
    rows = rows_of(source / "items.jsonl.gz")
    order = np.random.default_rng(0).permutation(len(rows)).tolist()
    (tmp_path / "data" / "image_generation").mkdir(parents=True)
    write(tmp_path / "data" / "image_generation" / "items.jsonl", [rows[k] for k in sorted(order[:500])])
    rest = [rows[k] for k in order[500:]]
    manifest = {
        "name": "votes",
        "tasks": [{"use": "preference/genai-bench", "data": "data", "with": {"media": "absent"}}],
        "judges": [{"use": "baselines/replay", "with": {"answers": str(DATA / "genai_bench")}}],
        "report": {"resamples": 100},
    }
    (tmp_path / "votes.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    assert invoke("run", tmp_path / "votes.yaml", "--runs", tmp_path / "runs").exit_code == 0
    (run,) = (tmp_path / "runs").glob("votes-*")
    names = {"[[A>B]]": "A", "[[B>A]]": "B", "[[A=B=Good]]": "good", "[[A=B=Bad]]": "bad", "[[A=B]]": "tie"}
    within = 0
    for judge in ("gpt4o", "gemini-1.5-pro", "idefics2"):
        said = {
            row["idx"]: names.get(row["official_vote"]) for row in rows_of(source / "outputs" / f"{judge}.jsonl.gz")
        }
        path = write(tmp_path / f"{judge}.jsonl", [{"verdict": said.get(row["idx"])} for row in rest])
        for label, vote in (("A", "leftvote"), ("B", "rightvote"), ("bad", "bothbad_vote")):
            plain = as_json(run, path, "--judge", judge, "--class", label)
            truth = sum(row["human_vote"] == vote for row in rest) / len(rest)
            mixed = by_method(plain)["ppi++"]
            within += mixed["ci_low"] <= truth <= mixed["ci_high"]
            assert plain["unlabelled"] == len(rest) == 1235
            assert plain["labelled_clusters"] < plain["labelled"] == 500
            assert abs(mixed["value"] - truth) < 0.06
            assert plain["shift_p"] > 1e-4
    assert within >= 8


# -- verdicts as numbers -------------------------------------------------------------------------------------------


def answers(space: Any, *given: tuple[str, Verdict, tuple[int, ...], int, Verdict | None]) -> list[RecordedAnswer]:
    return [
        RecordedAnswer(
            item=item,
            group=f"g-{item}",
            category="",
            space=space,
            gold=gold,
            order=order,
            sample=sample,
            status=Status.OK if verdict is not None else Status.UNPARSED,
            verdict=verdict,
        )
        for item, gold, order, sample, verdict in given
    ]


def test_orders_of_an_item_are_averaged_in_places_of_the_data() -> None:
    """Shown B first, "the first" is B."""
    given = answers(
        PAIR, ("i", 0, (0, 1), 0, 0), ("i", 0, (1, 0), 0, 0), ("j", 1, (0, 1), 0, 0), ("j", 1, (1, 0), 0, 1)
    )
    found = items_from_answers(given, Protocol(order="both"), make_target(PAIR, label=None, ties="class"))
    assert [(one.judged, one.gold) for one in found.items] == [(0.5, 1.0), (1.0, 0.0)]
    agreed = items_from_answers(
        given, Protocol(order="both", pooling="agree"), make_target(PAIR, label="A", ties="class")
    )
    assert [one.judged for one in agreed.items] == [0.0, 1.0], "an inconsistent answer names nobody"


def test_ties_count_as_they_are_declared() -> None:
    given = answers(TIED, ("i", "good", (0, 1), 0, "tie"), ("j", 0, (0, 1), 0, None), ("k", 1, (0, 1), 0, 1))
    none, half, good = (
        [
            (one.judged, one.gold)
            for one in items_from_answers(given, Protocol(), make_target(TIED, label=label, ties=ties)).items
        ]
        for label, ties in (("A", "class"), ("A", "half"), ("good", "class"))
    )
    assert none == [(0, 0), (0, 1), (0, 0)]
    assert half == [(0.5, 0.5), (0.5, 1), (0, 0)]
    assert good == [(1, 1), (0, 0), (0, 0)], "a bare tie is any kind of tie"
    assert not make_target(TIED, label="A", ties="half").is_class
    assert make_target(TIED, label="A", ties="class").is_class


def test_failures_of_the_machinery_are_left_out_and_missing_scores_are_the_judges_mean() -> None:
    given = answers(STARS, ("i", 4.0, (), 0, 5.0), ("j", 2.0, (), 0, None), ("k", 3.0, (), 0, 1.0))
    given.append(given[0]._replace(item="l", status=Status.ERROR, verdict=None))
    found = items_from_answers(given, Protocol(), make_target(STARS, label=None, ties="class"))
    assert found.failed == 1
    assert found.share_without_verdict == pytest.approx(1 / 3)
    own, other = as_arrays(found, VerdictItems(found.items[:1]))
    assert own.judged.tolist() == pytest.approx([5, 11 / 3, 1])
    assert own.cluster[0] == other.cluster[0], "one group in both is one cluster"
    assert len(np.unique(own.cluster)) == 3


def test_scores_are_numbers_and_rankings_and_classes_of_scores_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.txt"
    path.write_text("4\n\n5.0\n", encoding="utf-8")
    found = items_from_file(path, make_target(STARS, label=None, ties="class"))
    assert [one.judged for one in found.items][::2] == [4, 5]
    assert np.isnan(found.items[1].judged)
    assert [one.share_without_verdict for one in found.items] == [0, 1, 0]
    with pytest.raises(UserError, match="no share and no mean"):
        make_target(Ranking(3), label=None, ties="class")
    with pytest.raises(UserError, match="of scores the mean"):
        make_target(STARS, label="4", ties="class")
    path.write_text("4\n9\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2, column 'verdict': expected a number from 1 to 5, found str '9'"):
        items_from_file(path, make_target(STARS, label=None, ties="class"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("v.jsonl", '{"verdict": "yes"}\n{"verdict": null}\n{"verdict": "NO "}\n'),
        ("v.csv", 'verdict\nyes\n""\nno\n'),
        ("v.tsv", "other\tverdict\n1\tyes\n2\t\n3\tno\n"),
        ("v.json", '[{"verdict": "yes"}, {"verdict": ""}, {"verdict": "no"}]'),
        ("v.txt", "yes\r\n\r\nno"),
        ("only.csv", 'what_it_said\nyes\n""\nno\n'),
    ],
)
def test_every_kind_of_file_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    found = items_from_file(tmp_path / name, make_target(YES, label=None, ties="class"))
    assert [(one.judged, one.share_without_verdict) for one in found.items] == [(1, 0), (0, 1), (0, 0)]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=r"a file of verdicts: .*\.jsonl.*\.txt"):
        items_from_file(tmp_path / "v.xlsx", make_target(YES, label=None, ties="class"))


def test_estimate_of_type_checked_callers() -> None:
    maker: Callable[..., Any] = make_target
    assert maker(PAIR, label=None, ties="class").name == "win rate of A"
    assert maker(TIED, label="bad", ties="half").name == "share of 'bad'"
    assert maker(YES, label=None, ties="class").name == "share of 'yes'"
