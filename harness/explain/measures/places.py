"""Words on places: which part of the picture carries each stated fact.

Windows of the picture are covered one after the other, and each time the judge says how likely it finds the words of
its own answer. Where the log-probability of a phrase changes most, there the phrase comes from. Pointing alone says
little: a map of edges, made without any judge, points as well. That the maps of two phrases differ in the right
direction, no map of the picture alone can do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from harness.api import Claim, Image, TextWeights
from harness.explain.beginnings import begin_with, find_reasoning, has_pictures, write_part
from harness.explain.drawing import draw_map
from harness.explain.maps import Map, edge_map, leans, list_windows, make_map, mask_of, points_into
from harness.explain.measures import Answers, MeasureSettings, Question
from harness.explain.records import Finding, FindingExample, KeyFigure, Share
from harness.explain.study import StudiedAnswer, Study
from harness.explain.weighing import read_weights

_OTHERS = 8
_SEEN, _BLIND = "map", "map, broken eyes"


@dataclass(frozen=True, kw_only=True)
class Look:
    """The maps of one answer."""

    said: StudiedAnswer
    """The answer."""
    claims: Sequence[Claim]
    """The claims with a place."""
    begin: int
    """Where the reasoning begins in the weighed text."""
    images: Sequence[Image]
    """The pictures, as shown."""
    weights: Sequence[TextWeights]
    """Without a cover, then of each window of each picture."""
    settings: MeasureSettings
    """Size of the windows."""

    @cached_property
    def answer_maps(self) -> list[Map]:
        """Maps of the whole reasoning: the classic kind."""
        return self._maps(0, self.weights[0].ends[-1])

    @cached_property
    def claim_maps(self) -> list[list[Map]]:
        """For each claim, a map of each picture."""
        return [self._maps(self.begin + claim.start, self.begin + claim.end) for claim in self.claims]

    def masks(self, claims: Sequence[Claim]) -> list[NDArray[np.bool_]]:
        """For each picture, the pixels on which claims have their places."""
        boxes = [box for claim in claims for box in claim.boxes]
        return [mask_of(boxes, image=k, width=w, height=h) for k, (w, h) in enumerate(self.sizes)]

    @cached_property
    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of each picture."""
        return [image.load().size for image in self.images]

    @cached_property
    def windows(self) -> list[list[tuple[int, int, int, int]]]:
        """The windows of each picture."""
        side, step = self.settings.window, self.settings.step
        return [list_windows(width, height, side=side, step=step) for width, height in self.sizes]

    @cached_property
    def edges(self) -> list[Map]:
        """Maps that asked no judge."""
        return [edge_map(image, windows) for image, windows in zip(self.images, self.windows, strict=True)]

    def _maps(self, start: int, end: int) -> list[Map]:
        base, *covered = (found.of(start, end) for found in self.weights)
        maps, begin = [], 0
        for windows, (width, height) in zip(self.windows, self.sizes, strict=True):
            changes = [score - base for score in covered[begin : begin + len(windows)]]
            begin += len(windows)
            maps.append(make_map(changes, windows, width=width, height=height))
        return maps


class Places:
    """Pointing and selectivity of the maps of stated facts, beside maps of other items, of edges and of broken eyes."""

    def __init__(self, settings: MeasureSettings) -> None:
        """It takes the size of windows, and how many maps are drawn."""
        self._settings = settings

    def lacks(self, study: Study) -> str:
        """A judge that weighs text, and facts with a place."""
        if study.judge is None:
            return "the judge was not asked (--no-ask)"
        if not hasattr(study.judge.judge, "log_probabilities"):
            return "the judge cannot say how likely it finds a given text (`log_probabilities`)"
        if not study.makes_claims:
            return "the task does not say which facts a reasoning states (`claims`)"
        return "" if next(_list_claims(study), None) else "no reasoning states a fact that has a place in the picture"

    def questions(self, study: Study) -> Iterable[Question]:
        """The weights of the judge's own answer, with good eyes and with broken ones."""
        blind = study.judge is not None and hasattr(study.judge.judge, "make_blind_twin")
        for said, _ in _list_claims(study):
            request = study.render(said)
            text = write_part(request, said.reasoning, said.reasoning)
            if text is None:
                continue
            yield Question(label=_SEEN, said=said, request=begin_with(request, text), way="weigh")
            if blind:
                yield Question(label=_BLIND, said=said, request=begin_with(request, text), way="weigh blind")

    def measure(self, study: Study, answers: Answers) -> Finding:
        """Where the words of the judge come from."""
        looks = {label: list(self._looks(study, answers, label)) for label in (_SEEN, _BLIND)}
        names = list(dict.fromkeys(claim.name for look in looks[_SEEN] for claim in look.claims))
        figures = [*self._select(study, looks), *(self._point(study, looks, name) for name in names)]
        if looks[_SEEN]:
            figures.append(_whole(study, looks))
        return Finding(
            measure="places",
            task=study.cell.task,
            judge=study.cell.judge,
            figures=tuple(figures),
            lacks="" if figures else "no map could be made: the judge gave no weights",
            examples=tuple(self._draw(study, looks[_SEEN][: self._settings.pictures])),
            failed=sum(1 for _ in _list_claims(study)) - len(looks[_SEEN]),
        )

    def _looks(self, study: Study, answers: Answers, label: str) -> Iterator[Look]:
        for said, claims in _list_claims(study):
            weights = read_weights(answers.get((said.item.id, said.answer.order, label)))
            request = study.render(said)
            begin = find_reasoning(request, said.reasoning)
            if weights and begin is not None:
                yield Look(
                    said=said,
                    claims=claims,
                    begin=begin,
                    images=request.images,
                    weights=weights,
                    settings=self._settings,
                )

    @staticmethod
    def _select(study: Study, looks: dict[str, list[Look]]) -> Iterator[KeyFigure]:
        """Whether the maps of two phrases of one answer differ in the right direction."""
        share = study.share("of two phrases, each leans to its own place", _compare_phrases(looks[_SEEN]))
        if not share.n:
            return
        controls = [Share(name="any map of the picture alone", value=0.5, low=0.5, high=0.5, n=share.n)]
        if looks[_BLIND]:
            controls.insert(0, study.share("the same judge with broken eyes", _compare_phrases(looks[_BLIND])))
        yield KeyFigure(
            key="selectivity",
            share=share,
            controls=tuple(controls),
            meaning="High: the judge's words come from the places that they speak of. As high as with broken eyes: the "
            "maps say nothing.",
            on_board=True,
        )

    @staticmethod
    def _point(study: Study, looks: dict[str, list[Look]], name: str) -> KeyFigure:
        """Whether the strongest place of a phrase lies where its fact is to be seen."""
        controls = [
            study.share("the map of another item", _point_others(looks[_SEEN], name)),
            study.share("a map of edges, without a judge", _point_edges(looks[_SEEN], name)),
            study.share("part of the picture that the place is", _areas(looks[_SEEN], name)),
        ]
        if looks[_BLIND]:
            controls.insert(0, study.share("the same judge with broken eyes", _point_own(looks[_BLIND], name)))
        return KeyFigure(
            key=f"points.{name}",
            share=study.share(f"the words on the {name} hang on its place", _point_own(looks[_SEEN], name)),
            controls=tuple(controls),
            meaning="Far above broken eyes: the judge looks there. A map of edges may point as well or better, so this "
            "number alone ranks no judge.",
        )

    def _draw(self, study: Study, looks: Sequence[Look]) -> Iterator[FindingExample]:
        """Maps over their pictures, as files."""
        for look in looks:
            said = look.said
            for number, (claim, maps) in enumerate(zip(look.claims, look.claim_maps, strict=True)):
                name = draw_map(
                    self._settings.folder,
                    look.images,
                    maps,
                    claim.boxes,
                    what=(study.cell.task, study.cell.judge, said.item.id, str(said.answer.order), str(number)),
                )
                yield FindingExample(
                    item=said.item.id,
                    order=said.answer.order,
                    text=said.reasoning,
                    note=f"{claim.name}: {said.reasoning[claim.start : claim.end]}",
                    verdict=said.name(said.verdict),
                    picture=name,
                )


def _whole(study: Study, looks: dict[str, list[Look]]) -> KeyFigure:
    """The classic kind: a map of the whole reasoning, and whether it points at any evidence."""
    controls = [
        study.share(
            "a map of edges, without a judge", ((k.said, _hits(k.edges, k.masks(k.claims))) for k in looks[_SEEN])
        )
    ]
    if looks[_BLIND]:
        blind = ((k.said, _hits(k.answer_maps, k.masks(k.claims))) for k in looks[_BLIND])
        controls.insert(0, study.share("the same judge with broken eyes", blind))
    return KeyFigure(
        key="points",
        share=study.share(
            "the whole reasoning hangs on the evidence",
            ((k.said, _hits(k.answer_maps, k.masks(k.claims))) for k in looks[_SEEN]),
        ),
        controls=tuple(controls),
        meaning="Tells eyes from broken eyes, and little more. A second number only.",
    )


def _list_claims(study: Study) -> Iterator[tuple[StudiedAnswer, list[Claim]]]:
    """One answer for each item, with its claims that have a place."""
    seen = set()
    for said in study.to_ask:
        if said.item.id in seen or not said.reasoning or not has_pictures(said):
            continue
        seen.add(said.item.id)
        claims = [claim for claim in study.claims(said.reasoning, said) if claim.boxes]
        if claims:
            yield said, claims


def _hits(maps: Sequence[Map], masks: Sequence[NDArray[np.bool_]]) -> float:
    return points_into(maps, masks)


def _of_name(looks: Iterable[Look], name: str) -> Iterator[tuple[Look, Claim, list[Map]]]:
    for look in looks:
        for claim, maps in zip(look.claims, look.claim_maps, strict=True):
            if claim.name == name:
                yield look, claim, maps


def _point_own(looks: Iterable[Look], name: str) -> Iterator[tuple[StudiedAnswer, float]]:
    return ((look.said, _hits(maps, look.masks([claim]))) for look, claim, maps in _of_name(looks, name))


def _point_edges(looks: Iterable[Look], name: str) -> Iterator[tuple[StudiedAnswer, float]]:
    return ((look.said, _hits(look.edges, look.masks([claim]))) for look, claim, _ in _of_name(looks, name))


def _areas(looks: Iterable[Look], name: str) -> Iterator[tuple[StudiedAnswer, float]]:
    for look, claim, _ in _of_name(looks, name):
        masks = look.masks([claim])
        yield look.said, sum(int(mask.sum()) for mask in masks) / sum(mask.size for mask in masks)


def _point_others(looks: Iterable[Look], name: str) -> Iterator[tuple[StudiedAnswer, float]]:
    """The maps of the same phrase of a few other items with pictures of the same sizes."""
    found = list(_of_name(looks, name))
    for place, (look, claim, _) in enumerate(found):
        others = [found[(place + step) % len(found)] for step in range(1, len(found))]
        alike = [
            maps
            for other, _, maps in others
            if other.said.item.group != look.said.item.group and other.sizes == look.sizes
        ]
        mask = look.masks([claim])
        if alike:
            yield look.said, float(np.mean([_hits(maps, mask) for maps in alike[:_OTHERS]]))


def _compare_phrases(looks: Iterable[Look]) -> Iterator[tuple[StudiedAnswer, float]]:
    """Of two phrases with places of their own: whether the first map leans more to the first place than the second."""
    for look in looks:
        for first, second in combinations(range(len(look.claims)), 2):
            both = look.masks([look.claims[first]]), look.masks([look.claims[second]])
            # Pixels that belong to both tell nothing, and two facts in one place cannot be told apart by it.
            here = [a & ~b for a, b in zip(*both, strict=True)]
            there = [b & ~a for a, b in zip(*both, strict=True)]
            if not (any(mask.any() for mask in here) and any(mask.any() for mask in there)):
                continue
            gap = leans(look.claim_maps[first], here, there) - leans(look.claim_maps[second], here, there)
            yield look.said, 1.0 if gap > 0 else 0.5 if gap == 0 else 0.0
