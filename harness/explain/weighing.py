"""A judge as a weigher of its own answer: how likely it finds each piece of it, with parts of the picture covered.

One question is one answer and one picture, and its answer all windows: the journal then holds one row for a map.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from harness.api import Image, Judge, Judgement, JudgeStoppedError, Message, Request, Status, TextWeights, UserError
from harness.explain.deleting import (
    CHANCE,
    EDGES,
    OWN,
    SHARES,
    GridCell,
    count_cells,
    deal_cells,
    drop_maps,
    edge_maps,
    list_cells,
    list_picture_windows,
    order_cells,
)
from harness.explain.maps import cover, cover_parts, list_windows
from harness.explain.measures import MeasureSettings, Way
from harness.runner.planned import PlannedJudge


@dataclass(frozen=True, kw_only=True)
class PlannedWeigher(PlannedJudge):
    """A judge of the plan that is asked how likely it finds texts, and nothing else."""

    way: Way = "weigh"
    """`weigh`; `weigh blind`: with broken eyes; `weigh and delete`: with parts covered in the order of the map too."""
    settings: MeasureSettings = field(repr=False)
    """Size of the windows."""
    seed: int = 0
    """Of the broken eyes, and of the order that is dealt at random."""

    @classmethod
    def of(cls, judge: PlannedJudge, way: Way, settings: MeasureSettings) -> PlannedWeigher:
        """The weigher that a judge is."""
        facts = {spec.name: getattr(judge, spec.name) for spec in fields(judge)}
        return cls(**{**facts, "name": f"{judge.name} ({way})"}, way=way, settings=settings)

    def make(self) -> Judge:
        """A new weigher."""
        judge: Any = super().make()
        blind = self.way == "weigh blind"
        return Weigher(
            judge.make_blind_twin(self.seed) if blind else judge, self.settings, way=self.way, seed=self.seed
        )


class Weigher:
    """Implements `harness.api.Judge`: the last message of a request is the text, and `raw` holds the numbers.

    Args:
        judge: One that weighs text.
        settings: Size of the windows.
        way: For the fingerprint, and whether parts are covered in the order of the map too. Then the last message of a
            request has two parts, and the second is the text that the map is of.
        seed: Of the order that is dealt at random.
    """

    continues = True
    """The last message of its requests is the assistant's."""

    def __init__(self, judge: Any, settings: MeasureSettings, *, way: Way, seed: int = 0) -> None:
        self._judge = judge
        self._settings = settings
        self._way = way
        self._seed = seed

    def fingerprint(self) -> str:
        """Covers the judge, the windows and the state of the eyes."""
        facts = [self._judge.fingerprint(), self._way, self._settings.window, self._settings.step, "grey"]
        if self._way == "weigh and delete":
            facts += [SHARES, self._seed]
        return json.dumps(facts)

    def close(self) -> None:
        """Let the judge free its memory."""
        if hasattr(self._judge, "close"):
            self._judge.close()

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """One map for each request: the weights without a cover, then those of each window of each picture."""
        for request in requests:
            try:
                yield request, self._weigh(request)
            except JudgeStoppedError:
                raise
            # An image that cannot be read, or a model whose eyes are not known: the other measures go on.
            except UserError as error:
                yield request, Judgement.failure(Status.ERROR, str(error))

    def _weigh(self, request: Request) -> Judgement:
        text = request.beginning
        asked = replace(request, messages=request.messages[:-1])
        shown = [asked, *cover_windows(asked, self._settings)]
        weights: list[TextWeights] = self._judge.log_probabilities(shown, [text] * len(shown))
        # Six digits are more than two machines agree in.
        logs = [[round(log, 6) for log in found.logs] for found in weights]
        found: dict[str, Any] = {"ends": list(weights[0].ends), "logs": logs}
        if self._way == "weigh and delete":
            found["curves"] = self._delete(request, asked, weights)
        raw = json.dumps(found, separators=(",", ":"))
        return Judgement(status=Status.UNPARSED, raw=raw, error="weights of a given text, and no verdict")

    def _delete(self, request: Request, asked: Request, weights: Sequence[TextWeights]) -> dict[str, list[float]]:
        """The log-probability of the second part of the text after each step, for each order of the cells."""
        text, start = request.beginning, len(str(request.messages[-1].parts[0]))
        images = asked.images
        windows = list_picture_windows(images, self._settings.window, self._settings.step)
        dealt = deal_cells(list_cells(images, self._settings.step), seed=self._seed, name=request.key)
        orders = {
            OWN: order_cells(drop_maps(weights, start, len(text), images, windows), dealt),
            CHANCE: dealt,
            EDGES: order_cells(edge_maps(images, windows), dealt),
        }
        _, *inner, most = count_cells(len(dealt))
        shown = [cover_cells(asked, order[:count]) for order in orders.values() for count in inner]
        shown.append(cover_cells(asked, dealt[:most]))
        *logs, last = (
            round(found.of(start, len(text)), 6) for found in self._judge.log_probabilities(shown, [text] * len(shown))
        )
        first = round(weights[0].of(start, len(text)), 6)
        return {
            name: [first, *logs[number * len(inner) : (number + 1) * len(inner)], last]
            for number, name in enumerate(orders)
        }


def count_passes(request: Request, settings: MeasureSettings, way: Way) -> int:
    """How often a text is weighed for one question."""
    passes = 1 + sum(map(len, list_picture_windows(request.images, settings.window, settings.step)))
    # The first step and the last are the same in all three orders; the first is known from the map.
    return passes + (3 * (len(SHARES) - 2) + 1 if way == "weigh and delete" else 0)


def cover_cells(request: Request, cells: Sequence[GridCell]) -> Request:
    """The request with some cells of its pictures covered."""
    for number, image in enumerate(request.images):
        own = [cell.window for cell in cells if cell.image == number]
        if own:
            request = replace_image(request, number, cover_parts(image, own))
    return request


def cover_windows(request: Request, settings: MeasureSettings) -> list[Request]:
    """The request with each window of each of its pictures covered, picture by picture."""
    covered = []
    for number, image in enumerate(request.images):
        width, height = image.load().size
        for window in list_windows(width, height, side=settings.window, step=settings.step):
            covered.append(replace_image(request, number, cover(image, window)))
    return covered


def replace_image(request: Request, number: int, image: Image) -> Request:
    """The request with another picture in the place of one."""
    seen = -1
    messages = []
    for message in request.messages:
        parts = []
        for part in message.parts:
            if isinstance(part, Image):
                seen += 1
                part = image if seen == number else part
            parts.append(part)
        messages.append(Message(message.role, tuple(parts)))
    return replace(request, messages=tuple(messages))


def read_weights(judgement: Judgement | None) -> list[TextWeights]:
    """The weights that a weigher answered: first those without a cover. Empty where there is no such answer."""
    if judgement is None or not judgement.raw:
        return []
    plain = json.loads(judgement.raw)
    ends = tuple(plain["ends"])
    return [TextWeights(ends, tuple(logs)) for logs in plain["logs"]]


def read_curves(judgement: Judgement | None) -> dict[str, list[float]]:
    """The log-probabilities of the verdict after each step, by order of the cells. Empty where there is no answer."""
    if judgement is None or not judgement.raw:
        return {}
    found: dict[str, list[float]] = json.loads(judgement.raw).get("curves", {})
    return found
