"""A judge as a weigher of its own answer: how likely it finds each piece of it, with parts of the picture covered.

One question is one answer and one picture, and its answer all windows: the journal then holds one row for a map.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

from harness.api import Image, Judge, Judgement, JudgeStoppedError, Message, Request, Status, TextWeights, UserError
from harness.explain.maps import cover, list_windows
from harness.explain.measures import Settings, Way
from harness.runner.planned import PlannedJudge


@dataclass(frozen=True, kw_only=True)
class PlannedWeigher(PlannedJudge):
    """A judge of the plan that is asked how likely it finds texts, and nothing else."""

    way: Way = "weigh"
    """`weigh`, or `weigh blind`: with broken eyes."""
    settings: Settings = field(repr=False)
    """Size of the windows."""
    seed: int = 0
    """Of the broken eyes."""

    @classmethod
    def of(cls, judge: PlannedJudge, way: Way, settings: Settings) -> PlannedWeigher:
        """The weigher that a judge is."""
        facts = {spec.name: getattr(judge, spec.name) for spec in fields(judge)}
        return cls(**{**facts, "name": f"{judge.name} ({way})"}, way=way, settings=settings)

    def make(self) -> Judge:
        """A new weigher."""
        judge: Any = super().make()
        blind = self.way == "weigh blind"
        return Weigher(judge.make_blind_twin(self.seed) if blind else judge, self.settings, way=self.way)


class Weigher:
    """Implements `harness.api.Judge`: the last message of a request is the text, and `raw` holds the numbers.

    Args:
        judge: One that weighs text.
        settings: Size of the windows.
        way: For the fingerprint.
    """

    continues = True
    """The last message of its requests is the assistant's."""

    def __init__(self, judge: Any, settings: Settings, *, way: Way) -> None:
        self._judge = judge
        self._settings = settings
        self._way = way

    def fingerprint(self) -> str:
        """Covers the judge, the windows and the state of the eyes."""
        return json.dumps([self._judge.fingerprint(), self._way, self._settings.window, self._settings.step, "grey"])

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
        raw = json.dumps({"ends": list(weights[0].ends), "logs": logs}, separators=(",", ":"))
        return Judgement(status=Status.UNPARSED, raw=raw, error="weights of a given text, and no verdict")


def cover_windows(request: Request, settings: Settings) -> list[Request]:
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
