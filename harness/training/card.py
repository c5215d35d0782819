"""The model card beside a trained model: what it is, what it learnt from, how it went, and how to make it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from harness.libraries.config import render
from harness.report.escaping import for_markdown
from harness.report.markdown import table
from harness.training.examples import size
from harness.training.folder import Record

if TYPE_CHECKING:
    from harness.training.plan import PlannedRecipe

_BARS = "▁▂▃▄▅▆▇█"
_WIDEST = 24
"""Most bars of a sparkline."""

_COUNT = "n"
"""Last part of the name of a number of answers."""
_SHARES = ("accuracy", "coverage")
"""Scores that are shares of answers."""
_MOST_CURVES = 40

Curves = Mapping[int, Mapping[str, float | None]]
"""Metrics by step."""


def model_card(planned: PlannedRecipe, record: Record, curves: Curves) -> str:
    """The whole card, as Markdown.

    Args:
        planned: The recipe.
        record: The content of `trained.json`.
        curves: What was logged.
    """
    recipe = planned.loaded.recipe
    pieces = [_hub_metadata(planned), f"# {for_markdown(planned.name)}"]
    if recipe.description:
        pieces.append(for_markdown(recipe.description))
    pieces += ["\n".join(f"- {for_markdown(line)}" for line in _facts(planned, record))]
    pieces += ["## Tasks", _tasks(planned)]
    if planned.training.rewards:
        pieces += ["## Rewards", "What answers earned: the sum of weight times value.", _rewards(planned)]
    if record.scores:
        said = f"Of step {record.selected}, on validation. Intervals are of 95 %, as if answers were independent."
        pieces += ["## Validation scores", said, scores_table(record.scores)]
    if curves:
        pieces += ["## Curves", curves_table(curves)]
    notes = [*record.notes, *(f"{where}: {n} items could not be shown" for where, n in record.skipped.items())]
    if notes:
        pieces += ["## Notes", "\n".join(f"- {for_markdown(note)}" for note in notes)]
    pieces += ["## Options of the trainer", _options(planned), "## Versions", _versions(record)]
    pieces += ["## Make it again", _again(planned)]
    return "\n\n".join(pieces) + "\n"


def _hub_metadata(planned: PlannedRecipe) -> str:
    """The block by which a model hub finds the model: base model, data and tags, as `huggingface_hub` reads them."""
    first = planned
    while first.start is not None:
        first = first.start
    found: dict[str, Any] = {"library_name": "judge-harness", "tags": ["llm-as-a-judge", planned.offer.id]}
    if base := _hub_name(first.training.model):
        found["base_model"] = base
    data = {_hub_name(entry.entry.data) for entry in planned.loaded.tasks} - {""}
    if data:
        found["datasets"] = sorted(data)
    # By a library and never by hand: a name may hold what YAML would read as something else.
    return f"---\n{yaml.safe_dump(found, allow_unicode=True, sort_keys=True)}---"


def _hub_name(given: str | None) -> str:
    """`ORG/NAME` of `hub:ORG/NAME@REVISION`. Empty for a path of this machine, which means nothing elsewhere."""
    return given.removeprefix("hub:").partition("@")[0] if given is not None and given.startswith("hub:") else ""


def scores_table(scores: Mapping[str, float | None]) -> str:
    """A line for each score, with the number of answers that a trainer reports as `TASK/n`, and how sure a share is."""
    from harness.score.intervals import agresti_coull, normal_quantile  # scipy: once something was trained

    rows: list[list[str]] = []
    for name, value in scores.items():
        task, _, kind = name.rpartition("/")
        if kind == _COUNT:
            continue
        count = scores.get(f"{task}/{_COUNT}") if task else None
        sure = "-"
        if value is not None and count is not None and count >= 1 and kind in _SHARES and 0 <= value <= 1:
            low, high = agresti_coull(value, count, quantile=normal_quantile(0.95))
            sure = f"{low:.3f} to {high:.3f}"
        rows.append([name, _number(value), "-" if count is None else f"{int(count):,}", sure])
    return table(["score", "value", "n", "interval"], rows, left="lrrr")


def curves_table(curves: Curves) -> str:
    """A line for each metric: its first, last, lowest and highest value, and its course as bars.

    Whether more or less of a metric is better is the trainer's to know, so both ends are shown. Counts are left out, as
    they do not move. Of many metrics the first ones are shown, those of the whole training before those of a task.
    """
    every = dict.fromkeys(name for metrics in curves.values() for name in metrics)
    names = sorted((name for name in every if name.rpartition("/")[2] != _COUNT), key=lambda name: name.count("/"))
    left_out = len(names) - _MOST_CURVES
    rows: list[list[str]] = []
    for name in names[:_MOST_CURVES]:
        points = [(step, metrics[name]) for step, metrics in curves.items() if name in metrics]
        known = [(step, value) for step, value in points if value is not None]
        if not known:  # every value was NaN or infinite, and the reader should see that
            rows.append([name, f"{len(points):,}", "-", "-", "-", "-", ""])
            continue
        low, high = (pick(known, key=lambda point: point[1]) for pick in (min, max))
        rows.append(
            [
                name,
                f"{len(points):,}",
                _number(known[0][1]),
                _number(known[-1][1]),
                *(f"{_number(value)} (step {step})" for step, value in (low, high)),
                sparkline([value for _, value in known]),
            ]
        )
    shown = table(["metric", "logged", "first", "last", "lowest", "highest", "course"], rows, left="lrrrrrl")
    return shown if left_out <= 0 else f"{shown}\n\nThe course of {left_out} more is in `curves.jsonl`."


def sparkline(values: Sequence[float]) -> str:
    """Values as bars from the lowest to the highest. Many are averaged into few."""
    count = min(len(values), _WIDEST)
    if not count:
        return ""
    # Edges are spread evenly, so that no part is empty.
    edges = [k * len(values) // count for k in range(count + 1)]
    means = [sum(part := values[a:b]) / len(part) for a, b in pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    top = len(_BARS) - 1
    return "".join(_BARS[round((mean - low) / span * top) if span > 0 else 0] for mean in means)


def _facts(planned: PlannedRecipe, record: Record) -> list[str]:
    offer, start = planned.offer, planned.start
    # A path of this machine means nothing elsewhere; the recipe below has it in full.
    given = planned.training.model
    origin = "no model: the trainer makes one"
    if given is not None:
        origin = given if _hub_name(given) else f"the folder {Path(given).name}"
    if start is not None:
        origin = f"what the recipe {start.name} makes, hash {start.hash}"
    seconds, attempts = record.seconds_of_all_attempts, record.attempts
    return [
        f"a judge model, trained by judge-harness {record.harness} on {record.finished[:10]}",
        f"recipe: {planned.name}, hash {planned.hash}, seed {planned.training.seed}",
        f"starts from: {origin}",
        f"trainer: {offer.id} ({offer.distribution} {offer.version})",
        f"steps: {record.steps:,}; the weights are those of step {record.selected:,}",
        f"time: {seconds:,.0f} s in {attempts} attempt{'s' if attempts != 1 else ''}, on {record.platform}",
    ]


def _tasks(planned: PlannedRecipe) -> str:
    rows: list[list[str]] = []
    for task, learnt in zip(planned.tasks, planned.training.tasks, strict=True):
        splits = [task.split] if learnt.validation is None else [task.split, learnt.validation]
        sizes = [f"{size(task, split):,} ({split})" for split in splits]
        weight = _number(learnt.weight)
        rows.append([task.name, task.id, sizes[0], sizes[1] if len(sizes) > 1 else "none", weight, task.format.name])
    header = ["task", "id", "items learnt from", "items validated on", "weight", "format"]
    cards = {entry.offer.id: entry.offer.card for entry in planned.loaded.tasks}
    origins: dict[str, list[str]] = {}
    for name, card in cards.items():
        origins.setdefault(_origin(card.licence, card.source), []).append(name)
    said = [f"{', '.join(names)}: {origin}" for origin, names in origins.items()]
    return "\n\n".join(
        [
            table(header, rows, left="llrrrl"),
            "Licences and sources:",
            "\n".join(f"- {for_markdown(line)}" for line in said),
        ]
    )


def _origin(licence: str, source: str) -> str:
    return "; ".join([f"licence: {licence or 'not stated'}", f"source: {source or 'not stated'}"])


def _rewards(planned: PlannedRecipe) -> str:
    ids = {entry.entry.name: entry.offer.id for entry in planned.loaded.rewards}
    rows = [
        [
            reward.name,
            ids.get(reward.name, "one of several that an entry stands for"),
            _number(reward.weight),
            "all" if reward.tasks is None else ", ".join(sorted(reward.tasks)),
        ]
        for reward in planned.training.rewards
    ]
    return table(["reward", "id", "weight", "tasks"], rows, left="llrl")


def _options(planned: PlannedRecipe) -> str:
    options = planned.loaded.content["trainer"]["with"]
    rows = [[name, json.dumps(value, ensure_ascii=False)] for name, value in options.items()]
    return table(["option", "value"], rows) if rows else "It has none."


def _versions(record: Record) -> str:
    every = {"python": record.python, **record.plugins, **record.libraries}
    return table(["distribution", "version"], [[name, str(number)] for name, number in every.items()])


def _again(planned: PlannedRecipe) -> str:
    """The recipe in full, so that the card is enough where it travels with the model alone."""
    text = render(planned.loaded.content)
    fence = "```"
    while fence in text:  # a description may hold a fence of its own
        fence += "`"
    return "\n\n".join(
        [
            "Save this as `recipe.yaml` and run `harness train recipe.yaml`:",
            f"{fence}yaml\n{text}{fence}",
        ]
    )


def _number(value: float | None) -> str:
    # Six digits, so that two runs that differ look different.
    return "not finite" if value is None else f"{value:.6g}"
