"""No answer space is forgotten: whoever adds one finds here where it has to be handled."""

from __future__ import annotations

import inspect
import json
import random
from collections import Counter

import pytest

import harness.api
from harness.api import (
    AnswerSpace,
    Choice,
    Judgement,
    Message,
    MetricCard,
    Preference,
    Protocol,
    Ranking,
    RecordedAnswer,
    Request,
    Rubric,
    Score,
    Status,
    space_from_json,
    verdict_from_json,
)
from harness.api.reading import read_plain
from harness.formats._words import describe_answers
from harness.formats.json_object import JsonFormat
from harness.formats.tagged import TaggedFormat
from harness.score.cell import score_cell
from harness.score.histograms import bin_of, histogram, size
from harness.score.metrics import Accuracy, CoreMetric
from harness.score.people import agreement, consensus
from harness.score.units import build_cell
from harness.testing import _formats, _judges, _metrics, _rewards, read
from harness_baselines.verdicts import describe_space, draw_verdict, first, list_verdicts

SPACES: dict[type[AnswerSpace], AnswerSpace] = {
    Choice: Choice(("yes", "no")),
    Preference: Preference(2, ("tie",)),
    Score: Score(1, 5, 1),
    Ranking: Ranking(3),
    Rubric: Rubric((("sharp", Score(1, 5)), ("better", Preference(2, ("tie",))), ("safe", Choice(("yes", "no"))))),
}
EVERY = pytest.mark.parametrize("space", SPACES.values(), ids=lambda space: space.kind)


def test_every_space_is_tried_here() -> None:
    classes = [value for _, value in inspect.getmembers(harness.api, inspect.isclass)]
    defined = {value for value in classes if issubclass(value, AnswerSpace)} - {AnswerSpace}
    assert defined == set(SPACES)
    assert {kind.__name__ for kind in AnswerSpace.__subclasses__()} == {kind.__name__ for kind in SPACES}


def test_the_kits_of_plugins_try_every_space() -> None:
    for spaces in (_formats.SPACES, _judges._SPACES, _rewards._SPACES, tuple(_metrics._SPACES.values())):
        assert {type(space) for space in spaces} == set(SPACES)


def test_a_metric_serves_every_kind_unless_it_says_otherwise() -> None:
    kinds = {space.kind for space in SPACES.values()}
    usual = MetricCard(name="m", summary="", factory="a:b").answers
    assert usual == CoreMetric.answers == set(_metrics._SPACES) == kinds


@EVERY
def test_it_goes_through_json(space: AnswerSpace) -> None:
    assert space_from_json(json.loads(json.dumps(space.to_json()))) == space
    for verdict in space.verdicts()[:20]:
        kept = Judgement.from_json(json.loads(json.dumps(Judgement.of(verdict).to_json())))
        assert kept.verdict == verdict == verdict_from_json(json.loads(json.dumps(verdict)))


@EVERY
def test_it_is_asked_for_written_and_read(space: AnswerSpace) -> None:
    assert describe_answers(space)
    for form in (TaggedFormat(), JsonFormat()):
        for verdict in space.verdicts()[:20]:
            assert read(form, form.write(verdict, space, "So."), space).verdict == verdict
    verdict = space.verdicts()[-1]
    assert read_plain(f"**{space.name(verdict)}**.", space).verdict == verdict
    assert JsonFormat().schema(space)["properties"]["verdict"]["type"] in ("string", "object")


@EVERY
def test_places_are_mapped_exactly_where_it_compares(space: AnswerSpace) -> None:
    count = space.candidate_count
    turned = tuple(reversed(range(count)))
    moved = {verdict: space.to_canonical(verdict, turned) for verdict in space.verdicts()}
    assert all(space.to_shown(there, turned) == verdict for verdict, there in moved.items())
    assert any(verdict != there for verdict, there in moved.items()) == (count > 0)


@EVERY
def test_it_is_scored(space: AnswerSpace) -> None:
    verdicts = space.verdicts()[:4]
    order = tuple(range(space.candidate_count))
    people = {"ann": verdicts[0], "bob": verdicts[1], "cat": verdicts[0]}
    rows = [
        RecordedAnswer(f"{k}", f"{k}", "", space, gold, order, 0, Status.OK, verdicts[0], None, people)
        for k, gold in enumerate(verdicts)
    ]
    rows.append(RecordedAnswer("none", "none", "", space, verdicts[0], order, 0, Status.UNPARSED, None))
    found = score_cell(
        build_cell(rows, Protocol(unparsed="wrong")),
        task="t",
        judge="j",
        metrics={"accuracy": Accuracy()},
        data_hash="h",
    )
    assert found.estimates[0].value == pytest.approx(1 / len(rows))
    assert sum(found.histogram.values()) == len(verdicts)
    assert found.ceiling is not None
    assert size(space)
    assert histogram(space, Counter(bin_of(space, verdict) for verdict in verdicts))
    assert consensus(space, [verdicts[0]] * 2)
    assert agreement(space, verdicts[0], [verdicts[0]]) >= agreement(space, space.worst(verdicts[0]), [verdicts[0]])


@EVERY
def test_the_baselines_answer_it(space: AnswerSpace) -> None:
    assert space.contains(first(space))
    assert space.contains(draw_verdict(space, random.Random(0)))
    assert list_verdicts(space) == space.verdicts()
    assert "kind" not in describe_space(space)


@EVERY
def test_a_request_of_it_has_a_key(space: AnswerSpace) -> None:
    form = TaggedFormat()
    request = Request(task="t", item="1", messages=(Message("user", ("Which?",)),), space=space, format=form)
    assert request.key
    assert request.instruction
