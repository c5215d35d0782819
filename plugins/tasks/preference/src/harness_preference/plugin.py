"""The cards of this plugin. Light: importing it imports nothing but `harness.api`."""

from __future__ import annotations

from collections.abc import Sequence

from harness.api import FormatCard, MetricCard, RecordedCell, TaskCard, hookimpl
from harness_preference.cards import cards, metrics

GENAI_BENCH_FORMAT = FormatCard(
    name="genai-bench",
    api_version=1,
    summary="[[A>B]], [[B>A]], [[A=B=Good]], [[A=B=Bad]], read as the official script of GenAI-Bench does",
    factory="harness_preference.formats:genai_bench_format",
    source="https://github.com/TIGER-AI-Lab/GenAI-Bench (inference.py)",
    description="""\
The first line with [[...]] is the vote, compared as a whole: two labels on one line, blanks inside or nested brackets
are no vote. [[A>>B]] and [[B>>A]] count as the plain labels, a bare [[A=B]] as either tie. It reproduces every
recorded vote of the published results. The strict alternative, harness/arena, reads 994 of those 15,924 answers (6.2 %)
differently.""",
)


@hookimpl
def harness_tasks() -> list[TaskCard]:
    """The benchmarks."""
    return cards()


@hookimpl
def harness_formats() -> list[FormatCard]:
    """The verdict formats of benchmarks that have their own."""
    return [GENAI_BENCH_FORMAT]


@hookimpl
def harness_metrics() -> list[MetricCard]:
    """The metrics of benchmarks that have their own."""
    return metrics()


@hookimpl
def harness_report_sections(cells: Sequence[RecordedCell]) -> list[tuple[str, str]]:
    """The kappas of LLMBar's authors, in the report of a run that has LLMBar."""
    from harness_preference import llmbar_kappas

    text = llmbar_kappas.write_section(cells)
    return [(llmbar_kappas.TITLE, text)] if text else []
