"""The cards of this plugin. Light: importing it imports nothing but `harness.api`."""

from __future__ import annotations

from functools import partial

from harness.api import TaskCard, hookimpl

_DATA = """\
Data: one file (.jsonl, .csv, .tsv, each also .gz, or .parquet), which is the split test; a folder, with the file of
each split under `splits`; a folder of images with metadata.csv or metadata.jsonl beside them (column file_name), or
with nothing but sub-folders named by their label (columns file_name and label); or hub:ORG/NAME@REVISION. Rows are
streamed and images are lazy. Image paths are relative to the data file and may not leave the data folder; addresses
are refused. A row that does not fit ends the run with file, row and column: none is skipped.

Name under `group` the column that rows of one source share, or intervals become too narrow.

"""

_card = partial(
    TaskCard,
    api_version=1,
    splits=("train", "validation", "test"),
    # The card cannot know them: the data come with the manifest.
    licence="that of your data",
    source="your own data",
    capabilities=frozenset({"images", "text"}),
)

PAIRWISE = _card(
    name="pairwise",
    summary="Your own pairs: which of two texts or images is better",
    factory="harness_generic.task:pairwise",
    options="harness_generic.options:Pairwise",
    answers="preference",
    description=_DATA
    + """\
Protocol by default: both orders, each counts on its own; accuracy and macro-F1; a tie is a class of its own.""",
)

POINTWISE = _card(
    name="pointwise",
    summary="Your own cases: which of a few answers is right",
    factory="harness_generic.task:pointwise",
    options="harness_generic.options:Pointwise",
    answers="choice",
    description=_DATA
    + """\
Protocol by default: macro-F1, accuracy and balanced accuracy. The first of `answers` is the positive class.""",
)

SCORE = _card(
    name="score",
    summary="Your own cases: which score on a scale is right",
    factory="harness_generic.task:score",
    options="harness_generic.options:Scored",
    answers="score",
    description=_DATA
    + """\
Protocol by default: Spearman, Pearson, Kendall, mean absolute error and accuracy. A gold between the steps, such as a
mean of ratings, needs step: 0, and then the judge may answer with any number as well.""",
)

RANKING = _card(
    name="ranking",
    summary="Your own lists: which order of texts or images, from best to worst, is right",
    factory="harness_generic.task:ranking",
    options="harness_generic.options:Ranked",
    answers="ranking",
    description=_DATA
    + """\
Protocol by default: candidates in a seeded random order, as data often hold them best first; share of pairs in the
right order, normalised Levenshtein distance and accuracy. Rankings have no ties.""",
)

RUBRIC = _card(
    name="rubric",
    summary="Your own cases: several criteria at once, each with answers of its own",
    factory="harness_generic.task:rubric",
    options="harness_generic.options:Rubrics",
    answers="rubric",
    description=_DATA
    + """\
A criterion is a few answers, a score, or which of two candidates is better. An answer has to give all of them.
Protocol by default: accuracy, which asks for every criterion, the share of criteria that are right, and for each
criterion accuracy and macro-F1, or Spearman and mean absolute error of a score. Both orders where candidates are
compared.""",
)


@hookimpl
def harness_tasks() -> list[TaskCard]:
    """The tasks."""
    return [PAIRWISE, POINTWISE, SCORE, RANKING, RUBRIC]
