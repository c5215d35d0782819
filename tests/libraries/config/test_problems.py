"""Problems: where they are, what is shown of the line, one for each place, and no secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.libraries.config import ConfigError, Origin, Problem, Problems, did_you_mean, display, join


def origin(line: int = 1, column: int = 1, *, text: str = "", label: str = "m.yaml") -> Origin:
    return Origin(label=label, line=line, column=column, text=text, folder=Path())


def found(problems: Problems) -> list[str]:
    try:
        problems.raise_if_any()
    except ConfigError as error:
        return [problem.message for problem in error.problems]
    return []


def test_a_problem_shows_its_line_with_a_caret_under_the_place() -> None:
    problem = Problem(origin=origin(3, 8, text="limit: x\t"), path="tasks.0.limit", message="must be a number")
    assert str(problem) == "m.yaml:3:8: tasks[0].limit: must be a number\n    limit: x\n           ^"


def test_a_long_line_is_cut_around_the_place() -> None:
    text = "a" * 300 + "!" + "b" * 300
    head, line, caret = str(Problem(origin=origin(1, 301, text=text), path="", message="wrong")).splitlines()
    assert head == "m.yaml:1:301: wrong"
    assert len(line) == 4 + 160
    assert line[caret.index("^")] == "!"
    start = str(Problem(origin=origin(1, 1, text=text), path="", message="wrong")).splitlines()
    assert (start[1], start[2]) == ("    " + "a" * 160, "    ^")


def test_a_place_without_a_line_or_with_an_empty_one_shows_none() -> None:
    assert str(Problem(origin=origin(0, 0, label="--set a=1"), path="a", message="wrong")) == "--set a=1: a: wrong"
    assert str(Problem(origin=origin(2, 1, text="  "), path="", message="wrong")) == "m.yaml:2:1: wrong"


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    problem = Problem(origin=origin(1, 1, text="a\x1b[31mb"), path="", message="wrong")
    assert "\x1b" not in str(problem)


def test_the_first_problem_at_a_place_counts_and_missing_keys_are_all_named() -> None:
    problems = Problems()
    problems.add(origin(), "a", "first")
    problems.add(origin(), "b", "follows from it")
    problems.add(origin(column=2), "c", "elsewhere")
    problems.add(origin(5), "d", "missing 1", missing=True)
    problems.add(origin(5), "e", "missing 2", missing=True)
    assert found(problems) == ["first", "elsewhere", "missing 1", "missing 2"]


def test_a_set_has_a_place_for_each_path() -> None:
    problems = Problems()
    for path in ("a", "b", "a"):
        problems.add(origin(0, 0, label="--set x"), path, f"about {path}")
    assert found(problems) == ["about a", "about b"]


def test_problems_are_sorted_by_file_and_position_and_sets_come_last() -> None:
    problems = Problems()
    problems.add(origin(0, 0, label="--set a=1"), "", "set")
    problems.add(origin(10, 1), "", "line 10")
    problems.add(origin(9, 7), "", "line 9, column 7")
    problems.add(origin(9, 2), "", "line 9, column 2")
    problems.add(origin(1, 1, label="base.yaml"), "", "another file")
    assert found(problems) == ["another file", "line 9, column 2", "line 9, column 7", "line 10", "set"]


def test_nothing_is_raised_where_nothing_is_wrong() -> None:
    Problems().raise_if_any()


@pytest.mark.parametrize(
    ("value", "message", "shown"),
    [
        ("hunter2", "got 'hunter2' and hunter2", "got '${env:KEY}' and ${env:KEY}"),
        ("a\nb'c", 'got "a\\nb\'c"', 'got "${env:KEY}"'),
        ("ab", "about ab", "about ab"),
    ],
)
def test_values_of_the_environment_are_never_shown(value: str, message: str, shown: str) -> None:
    problems = Problems()
    problems.add(origin(), "", message)
    problems.scrub([(value, "KEY")])
    assert found(problems) == [shown]


def test_paths_are_written_as_people_write_them() -> None:
    assert display(join(join(join("tasks", 0), "with"), "model")) == "tasks[0].with.model"
    assert [join("", "a"), join("", 0), display("")] == ["a", "0", ""]


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("modle", ["model", "depth"], " Did you mean 'model'?"),
        ("step", ["steps", "stop"], " Did you mean 'steps' or 'stop'?"),
        ("zzz", ["model", "depth", "model"], " Known: depth, model."),
        ("zzz", [], ""),
    ],
)
def test_near_misses_are_named_or_else_what_there_is(word: str, known: list[str], said: str) -> None:
    assert did_you_mean(word, known) == said
