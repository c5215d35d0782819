"""A mistake, then go on: one stated fact is changed in the judge's own reasoning, and it goes on by itself from there.

The best single test of which words decide: it tells two facts of one sentence apart. After "adding mistakes" of Lanham
et al. 2023 (arXiv 2307.13702).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.api import Claim
from harness.explain.beginnings import (
    PROBES,
    begin_with,
    is_consistent,
    why_not_forced,
    write_part,
    write_up_to_verdict,
)
from harness.explain.measures import Answers, MeasureSettings, Question
from harness.explain.measures.sister import count_failed, find_turns, hits_of
from harness.explain.records import Finding, FindingExample, KeyFigure
from harness.explain.study import StudiedAnswer, Study

_EXAMPLES = 3


class Mistake:
    """How often the verdict turns after a mistake about each kind of fact, beside the same cut without one."""

    def __init__(self, settings: MeasureSettings) -> None:
        """It has no settings."""

    def lacks(self, study: Study) -> str:
        """A judge that goes on, and facts of which another value turns the verdict."""
        if reason := why_not_forced(study):
            return reason
        if not study.makes_claims:
            return "the task does not say which facts a reasoning states (`claims`)"
        if not any(_claims(study, said) for said in study.to_ask):
            return "no reasoning states a fact of which another value would turn the verdict"
        return ""

    def questions(self, study: Study) -> Iterable[Question]:
        """The beginning of the judge's own reasoning, up to the changed words, and up to its own ones."""
        probes = 0
        for said in study.to_ask:
            claims = _claims(study, said)
            if claims and probes < PROBES:
                # In the middle of a reasoning nothing may show that a judge began again. Ahead of a verdict all does.
                request = study.render(said)
                beginning = write_up_to_verdict(request, said.reasoning)
                if beginning is not None:
                    probes += 1
                    begun = begin_with(request, beginning)
                    yield Question(label="own reasoning", said=said, request=begun, probes=True)
            for claim in claims:
                request = study.render(said)
                for label, words in (("mistake", claim.turned), ("cut", said.reasoning[claim.start : claim.end])):
                    beginning = write_part(request, said.reasoning, f"{said.reasoning[: claim.start]}{words}")
                    if beginning is not None:
                        yield Question(label=f"{label} {claim.name}", said=said, request=begin_with(request, beginning))

    def measure(self, study: Study, answers: Answers) -> Finding:
        """How often the verdict turns, in all and for each kind of fact."""
        names = list(dict.fromkeys(claim.name for said in study.to_ask for claim in _claims(study, said)))
        turned = {name: list(find_turns(study, answers, f"mistake {name}")) for name in names}
        kept = {name: list(find_turns(study, answers, f"cut {name}")) for name in names}
        every = KeyFigure(
            key="turns_after_mistake",
            share=study.share(
                "the verdict turns after a mistake", (hit for name in names for hit in hits_of(turned[name]))
            ),
            controls=(
                study.share(
                    "it turns where its own words are given", (hit for name in names for hit in hits_of(kept[name]))
                ),
            ),
            meaning="High: what the judge states decides. Look at each fact: some may be decoration.",
            on_board=True,
        )
        each = [
            KeyFigure(
                key=f"mistake.{name}",
                share=study.share(f"the verdict turns after a mistake about the {name}", hits_of(turned[name])),
                controls=(study.share("it turns where its own words are given", hits_of(kept[name])),),
                meaning=f"Low: the {name} is decoration: the judge states it and does not use it.",
            )
            for name in names
        ]
        return Finding(
            measure="mistake",
            task=study.cell.task,
            judge=study.cell.judge,
            figures=(every, *each),
            examples=tuple(
                FindingExample(
                    item=said.item.id,
                    order=said.answer.order,
                    text=answers[said.item.id, said.answer.order, f"mistake {name}"].raw,
                    note=f"another {name} was put in",
                    verdict=said.name(said.verdict),
                    then=said.name(then),
                )
                for name in names
                for said, then in turned[name][:_EXAMPLES]
            ),
            failed=count_failed(self.questions(study), answers),
        )


def _claims(study: Study, said: StudiedAnswer) -> list[Claim]:
    """The first claim of each name of which another value should turn the verdict."""
    if not is_consistent(study, said):
        return []
    found: dict[str, Claim] = {}
    for claim in _in_order(study.claims(said.reasoning, said)):
        if claim.turned is not None:
            found.setdefault(claim.name, claim)
    return list(found.values())


def _in_order(claims: Iterable[Claim]) -> Iterator[Claim]:
    return iter(sorted(claims, key=lambda claim: claim.start))
