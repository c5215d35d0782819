"""Second numbers: the classic map of the verdict, whether it points at the evidence, and its deletion curve.

The map says how much less likely the verdict is with each window covered, after the judge's own reasoning. Then parts
of the picture are covered in the order of that map. Both look convincing without any judge: a map of edges wins the
pointing game, and is often level in deletion. So they are made on request, and stand on no board.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from harness.api import Image, Message, spell_answers
from harness.explain.beginnings import has_pictures, write_up_to_verdict
from harness.explain.deleting import (
    CHANCE,
    EDGES,
    OWN,
    SHARES,
    drop_maps,
    edge_maps,
    list_picture_windows,
    measure_area,
)
from harness.explain.maps import Map, mask_of, points_into
from harness.explain.measures import Answers, MeasureSettings, Question
from harness.explain.records import Finding, KeyFigure
from harness.explain.study import StudiedAnswer, Study
from harness.explain.weighing import read_curves, read_weights

STEP = "deletion.at."
"""Beginning of the keys of a curve's steps; then follow the per cent of the picture that are covered."""

ORDERS = {
    OWN: "the order of the judge's map",
    CHANCE: "an order dealt at random",
    EDGES: "the order of a map of edges, without a judge",
}
"""The orders in which parts are covered, in words. The first is the judge's."""

_LABEL = "deletion"
_OTHERS = 8


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """One answer with the map of its verdict, and its curves."""

    said: StudiedAnswer
    """The answer."""
    images: Sequence[Image]
    """The pictures, as shown."""
    maps: Sequence[Map]
    """How much less likely the verdict is without each place."""
    edges: Sequence[Map]
    """Maps that asked no judge."""
    masks: Sequence[NDArray[np.bool_]]
    """The places of the facts that the reasoning states. Empty where it states none that has a place."""
    curves: Mapping[str, Sequence[float]]
    """Probability of the verdict after each step, by order of the cells."""

    @cached_property
    def sizes(self) -> list[tuple[int, ...]]:
        """Shape of each map."""
        return [found.shape for found in self.maps]

    def area(self, order: str) -> float:
        """The area under one of the curves."""
        return measure_area(self.curves[order])


class Deletion:
    """Pointing of the verdict's map and the area under its deletion curve, beside chance, edges and other items."""

    def __init__(self, settings: MeasureSettings) -> None:
        """It takes the size of windows."""
        self._settings = settings

    def lacks(self, study: Study) -> str:
        """A judge that weighs text, and pictures."""
        if study.judge is None:
            return "the judge was not asked (--no-ask)"
        if not hasattr(study.judge.judge, "log_probabilities"):
            return "the judge cannot say how likely it finds a given text (`log_probabilities`)"
        if not any(map(has_pictures, study.to_ask)):
            return "the judge gave no verdict on an item with pictures"
        if next(self._split(study), None) is None:
            return "the answers of this task cannot be listed, so that no text is the verdict alone"
        return ""

    def questions(self, study: Study) -> Iterable[Question]:
        """The weights of the judge's own answer, and those with parts covered in the order of their map."""
        for said, opening, verdict in self._split(study):
            request = study.render(said)
            # Two parts of one message: the map is of the second.
            message = Message("assistant", (opening, verdict))
            asked = replace(request, messages=(*request.messages, message))
            yield Question(label=_LABEL, said=said, request=asked, way="weigh and delete")

    def measure(self, study: Study, answers: Answers) -> Finding:
        """The figures, each with its controls."""
        found = list(self._read(study, answers))
        return Finding(
            measure="deletion",
            task=study.cell.task,
            judge=study.cell.judge,
            figures=(*_point(study, found), *_compare(study, found), *_list_steps(study, found)) if found else (),
            lacks="" if found else "no map could be made: the judge gave no weights",
            failed=sum(1 for _ in self._split(study)) - len(found),
        )

    @staticmethod
    def _split(study: Study) -> Iterator[tuple[StudiedAnswer, str, str]]:
        """One answer for each item, with its text up to where verdicts differ, and from there."""
        seen = set()
        for said in study.to_ask:
            if said.item.id in seen or not has_pictures(said):
                continue
            seen.add(said.item.id)
            request = study.render(said)
            opening = write_up_to_verdict(request, said.reasoning)
            if opening is None:
                continue
            spelled = spell_answers(request.format, request.space, said.reasoning)
            verdict = spelled.endings[spelled.verdicts.index(said.verdict)]
            # In the judge's own words where they end as the format writes verdicts: other words it may never write.
            own = said.answer.raw.rstrip()
            if verdict and own.endswith(verdict) and len(own) > len(verdict):
                opening = own[: -len(verdict)]
            if opening and verdict:
                yield said, opening, verdict

    def _read(self, study: Study, answers: Answers) -> Iterator[Deleted]:
        for said, opening, verdict in self._split(study):
            judgement = answers.get((said.item.id, said.answer.order, _LABEL))
            weights, curves = read_weights(judgement), read_curves(judgement)
            if not weights or not curves:
                continue
            images = study.render(said).images
            windows = list_picture_windows(images, self._settings.window, self._settings.step)
            maps = drop_maps(weights, len(opening), len(opening) + len(verdict), images, windows)
            yield Deleted(
                said=said,
                images=images,
                maps=maps,
                edges=edge_maps(images, windows),
                masks=_find_masks(study, said, maps),
                curves={order: [float(np.exp(log)) for log in logs] for order, logs in curves.items()},
            )


def _find_masks(study: Study, said: StudiedAnswer, maps: Sequence[Map]) -> list[NDArray[np.bool_]]:
    boxes = [box for claim in study.claims(said.reasoning, said) for box in claim.boxes]
    if not boxes:
        return []
    return [
        mask_of(boxes, image=number, width=found.shape[1], height=found.shape[0]) for number, found in enumerate(maps)
    ]


def _point(study: Study, found: Sequence[Deleted]) -> Iterator[KeyFigure]:
    """The pointing game of the verdict's map."""
    known = [case for case in found if case.masks]
    if not known:
        return
    yield KeyFigure(
        key="verdict_points",
        share=study.share("the verdict hangs on the evidence", ((k.said, points_into(k.maps, k.masks)) for k in known)),
        controls=(
            study.share("a map of edges, without a judge", ((k.said, points_into(k.edges, k.masks)) for k in known)),
            study.share("the map of another item", _point_others(known)),
            study.share("part of the picture that the evidence is", ((k.said, _area_of(k.masks)) for k in known)),
        ),
        meaning="As low as the part of the picture: the verdict does not hang on one place of it, as where it is read "
        "from the reasoning. A map of edges may point as well or better.",
    )


def _area_of(masks: Sequence[NDArray[np.bool_]]) -> float:
    return sum(int(mask.sum()) for mask in masks) / sum(mask.size for mask in masks)


def _point_others(known: Sequence[Deleted]) -> Iterator[tuple[StudiedAnswer, float]]:
    """The maps of a few other items with pictures of the same sizes."""
    for place, case in enumerate(known):
        others = [known[(place + step) % len(known)] for step in range(1, len(known))]
        alike = [k.maps for k in others if k.said.item.group != case.said.item.group and k.sizes == case.sizes]
        if alike:
            yield case.said, float(np.mean([points_into(maps, case.masks) for maps in alike[:_OTHERS]]))


def _compare(study: Study, found: Sequence[Deleted]) -> Iterator[KeyFigure]:
    """The area under the curve, and its differences from those of the two other orders."""
    areas = {order: [(k.said, k.area(order)) for k in found] for order in ORDERS}
    yield KeyFigure(
        key="deletion",
        share=study.share(f"area under the curve, {ORDERS[OWN]}", areas[OWN]),
        controls=tuple(study.share(ORDERS[order], areas[order]) for order in (CHANCE, EDGES)),
        meaning="Probability of the verdict while ever more of the picture is covered. Low: the verdict falls at once. "
        "As high as at random: the map says nothing of what the verdict rests on. A verdict that something is absent "
        "cannot fall so.",
    )
    for key, base, words in ((CHANCE, CHANCE, "at random"), (EDGES, EDGES, "by edges")):
        other = EDGES if base == CHANCE else CHANCE
        yield KeyFigure(
            key=f"deletion_less_{key}",
            share=study.gap(f"area, own order less {words}", areas[OWN], areas[base]),
            controls=(study.gap(f"{ORDERS[other]}, less {words}", areas[other], areas[base]),),
            meaning=f"Below zero: the map of the judge finds what the verdict rests on better than parts {words}.",
        )


def _list_steps(study: Study, found: Sequence[Deleted]) -> Iterator[KeyFigure]:
    """The curves, step by step."""
    for number, part in enumerate(SHARES):
        own, *controls = (
            study.share(words, [(k.said, k.curves[order][number]) for k in found]) for order, words in ORDERS.items()
        )
        yield KeyFigure(
            key=f"{STEP}{part * 100:g}",
            share=own,
            controls=tuple(controls),
            meaning="Mean probability of the verdict with so much of the picture covered.",
        )
