"""Grey pictures: the judge's own reasoning with nothing to look at, and nothing to look at without that reasoning."""

from __future__ import annotations

from collections.abc import Iterable

from harness.explain.beginnings import (
    PROBES,
    begin_with,
    has_pictures,
    is_consistent,
    why_not_forced,
    with_grey_pictures,
    write_up_to_verdict,
)
from harness.explain.measures import Answers, MeasureSettings, Question
from harness.explain.measures.sister import count_failed, find_turns, hits_of
from harness.explain.records import Finding, KeyFigure
from harness.explain.study import Study

_GREY, _ALONE, _BARE = "grey, own reasoning", "grey, own words", "no reasoning"


class GreyPicture:
    """How often the verdict stays without the picture, with the judge's own reasoning and without it."""

    def __init__(self, settings: MeasureSettings) -> None:
        """It has no settings."""

    def lacks(self, study: Study) -> str:
        """A judge that goes on, and pictures."""
        if reason := why_not_forced(study):
            return reason
        return "" if any(map(has_pictures, study.to_ask)) else "the items have no pictures"

    def questions(self, study: Study) -> Iterable[Question]:
        """Grey pictures with the reasoning and without, and the picture with an empty reasoning."""
        probes = 0
        for said in study.to_ask:
            if not (is_consistent(study, said) and has_pictures(said)):
                continue
            request = study.render(said)
            grey = with_grey_pictures(request)
            own, none = (write_up_to_verdict(request, reasoning) for reasoning in (said.reasoning, ""))
            if own is not None and none is not None:
                yield Question(label=_GREY, said=said, request=begin_with(grey, own))
                if probes < PROBES:
                    probes += 1
                    yield Question(label="own reasoning", said=said, request=begin_with(request, own), probes=True)
                yield Question(label=_ALONE, said=said, request=grey)
                yield Question(label=_BARE, said=said, request=begin_with(request, none))

    def measure(self, study: Study, answers: Answers) -> Finding:
        """How often the verdict stays."""
        stays = {label: list(find_turns(study, answers, label)) for label in (_GREY, _ALONE, _BARE)}
        figure = KeyFigure(
            key="stays_without_picture",
            share=study.share(
                "the same verdict from its own reasoning, picture grey", hits_of(stays[_GREY], same=True)
            ),
            controls=(
                study.share(
                    "the same verdict, picture grey, reasoning written again", hits_of(stays[_ALONE], same=True)
                ),
                study.share("the same verdict from the picture, no reasoning", hits_of(stays[_BARE], same=True)),
            ),
            meaning="High, and the controls near to answering one way: the picture is looked at while the reasoning is "
            "written, and not when the verdict is.",
            on_board=True,
        )
        return Finding(
            measure="grey",
            task=study.cell.task,
            judge=study.cell.judge,
            figures=(figure,),
            failed=count_failed(self.questions(study), answers),
        )
