"""Given beginnings of answers: a reasoning that the judge is to take for its own, or a part of one."""

from __future__ import annotations

from dataclasses import replace

from harness.api import DataError, Image, Message, Request, spell_answers
from harness.explain.maps import cover_all
from harness.explain.study import StudiedAnswer, Study
from harness.explain.weighing import replace_image

PROBES = 8
"""Items of a measure on which it is seen whether the judge goes on from a given beginning at all."""


def begin_with(request: Request, beginning: str) -> Request:
    """The request with a beginning of its answer."""
    return replace(request, messages=(*request.messages, Message("assistant", (beginning,))))


def write_up_to_verdict(request: Request, reasoning: str) -> str | None:
    """An answer with this reasoning, up to where verdicts differ; `None` where the format cannot write one."""
    try:
        return spell_answers(request.format, request.space, reasoning).opening
    except DataError:
        return None


def find_reasoning(request: Request, reasoning: str) -> int | None:
    """Where a reasoning begins in an answer that the format writes; `None` where it does not hold it as it is."""
    opening = write_up_to_verdict(request, reasoning)
    place = -1 if opening is None or not reasoning else opening.find(reasoning)
    return None if place < 0 else place


def write_part(request: Request, reasoning: str, part: str) -> str | None:
    """An answer that breaks off in the middle of its reasoning, after `part`.

    Args:
        request: What is answered.
        reasoning: A whole one, which shows where reasoning begins in this format.
        part: What is written of one.
    """
    place = find_reasoning(request, reasoning)
    opening = write_up_to_verdict(request, reasoning)
    return None if place is None or opening is None else opening[:place] + part


def with_grey_pictures(request: Request) -> Request:
    """The request with a grey picture in the place of each of its own."""
    # Grey and not left out: a judge notices that a picture is missing, and may say so.
    for number, image in enumerate(request.images):
        request = replace_image(request, number, cover_all(image))
    return request


def has_pictures(said: StudiedAnswer) -> bool:
    """Whether an item has any."""
    parts = (*said.item.question, *(part for candidate in said.item.candidates for part in candidate))
    return any(isinstance(part, Image) for part in parts)


def why_not_forced(study: Study) -> str:
    """Why a judge's reasoning cannot be given to it. Empty where it can."""
    if study.judge is None:
        return "the judge was not asked (--no-ask)"
    if not getattr(study.judge.judge, "continues", False):
        return "the judge cannot go on from a given beginning of its answer (`continues`)"
    if not study.to_ask:
        return "the judge gave no verdict on the chosen items"
    if not any(said.reasoning for said in study.to_ask):
        return "the judge wrote no reasoning"
    if not any(write_up_to_verdict(study.render(said), said.reasoning) for said in study.to_ask):
        return "the answers of this task cannot be listed, so that there is no beginning that ends ahead of a verdict"
    # One answer tells it for all: the place of the reasoning is the format's, and a task has one format.
    first = next(said for said in study.to_ask if said.reasoning)
    if find_reasoning(study.render(first), first.reasoning) is None:
        return f"the format {study.task.format.name} has no place for a given reasoning"
    return ""


def is_consistent(study: Study, said: StudiedAnswer) -> bool:
    """Whether a reasoning is there and argues for the verdict, as far as the task can tell."""
    if not said.reasoning:
        return False
    return not study.reads_reasoning or study.find_implied(said) == said.verdict
