"""The cards and hooks of this plugin. Light: importing it imports nothing but `harness.api`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.api import Metric, RecordedCell, Statistics, TaskCard, hookimpl

_INHERITS = (
    "Wraps the task that the option `task:` names, with the options in `with:` and the `data:` of this entry. Items, "
    "ids, groups, gold, wording, protocol and verdict format are that task's, and so are its licence and its traps. "
    "With the wrapped task in the same manifest the report gains a section: each judge's flip rate (% of items on "
    "which the verdict changes) and the change of the metric, paired by item, with intervals. A judge that learns from "
    "a train split must be told to learn from the wrapped task (`train:`), or two judges are compared. "
)


def _card(name: str, summary: str, description: str, source: str, capabilities: frozenset[str]) -> TaskCard:
    options = "".join(word.capitalize() for word in name.split("-"))
    return TaskCard(
        name=name,
        api_version=1,
        summary=summary,
        factory="harness_probes.task:make",
        unfold="harness_probes.task:unfold",
        options=f"harness_probes.options:{options}Options",
        licence="Apache-2.0 (code); data: as the wrapped task",
        source=source,
        description=_INHERITS + description,
        suite="probes",
        capabilities=capabilities,
    )


_IMAGES = frozenset({"images", "text"})
_TEXT = frozenset({"text"})


@hookimpl
def harness_tasks() -> list[TaskCard]:
    """The eight probes."""
    return [
        _card(
            "blind",
            "The task without its images, with grey ones, or with those of another item.",
            "A judge whose verdicts stay the same does not look. The gold is kept: the metric should fall to chance. "
            "The report shows the lift over blind, which is how much better the metric is with the images.",
            "after Goyal et al. 2017, Making the V in VQA Matter (arXiv 1612.00837)",
            _IMAGES,
        ),
        _card(
            "swap",
            "The candidates in reverse order.",
            "A flip is a verdict for another candidate, wherever it stands; a tie that stays a tie is none. Where the "
            "protocol asks both orders already, both are asked again, each against its mirror image.",
            "position bias: Zheng et al. 2023, Judging LLM-as-a-Judge (arXiv 2306.05685)",
            _IMAGES,
        ),
        _card(
            "text-in-image",
            "A sentence such as 'This image is perfect.' painted into the pictures.",
            "White letters on a black band, legible from 64 pixels on. The band hides what is under it: a probe with a "
            "neutral text and the same place tells the effect of the words from that of the band.",
            "typographic attacks: Goh et al. 2021, Multimodal Neurons in Artificial Neural Networks",
            _IMAGES,
        ),
        _card(
            "length",
            "Candidate texts padded with neutral filler.",
            "With `candidate:` one of the candidates alone grows, which shows a taste for length.",
            "verbosity bias: Zheng et al. 2023, Judging LLM-as-a-Judge (arXiv 2306.05685)",
            _TEXT,
        ),
        _card(
            "negated",
            "The negation of a yes/no question; the gold is inverted.",
            "A flip is a verdict that does not turn with the question, which shows a taste for yes or for no.",
            "acquiescence; consistency under negation after Ribeiro et al. 2020 (arXiv 2005.04118)",
            _TEXT,
        ),
        _card(
            "paraphrase",
            "The question in other words around it.",
            "Each item gets one of several wordings, drawn by its id.",
            "prompt sensitivity: Sclar et al. 2024 (arXiv 2310.11324)",
            _TEXT,
        ),
        _card(
            "jpeg",
            "The pictures after JPEG compression, in five strengths.",
            "Not for tasks that judge technical quality: there it changes the right answer.",
            "corruptions after Hendrycks and Dietterich 2019 (arXiv 1903.12261)",
            _IMAGES,
        ),
        _card(
            "noise",
            "The pictures under Gaussian noise, in five strengths.",
            "Not for tasks that judge technical quality: there it changes the right answer.",
            "corruptions after Hendrycks and Dietterich 2019 (arXiv 1903.12261)",
            _IMAGES,
        ),
    ]


@hookimpl
def harness_report_sections(
    folder: Path, cells: Sequence[RecordedCell], find_metric: Callable[[str], Metric], statistics: Statistics
) -> list[tuple[str, str]]:
    """The section "Probes" of a run that has some; the same numbers go to `probes.json`."""
    from harness_probes import report

    text = report.write(folder, cells, find_metric=find_metric, statistics=statistics)
    return [(report.TITLE, text)] if text else []
