"""The laws of `VerdictFormat` as checks, with fixed hostile texts instead of generated ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

from harness.api import (
    AnswerSpace,
    Card,
    Choice,
    DataError,
    Message,
    Preference,
    Ranking,
    Reading,
    Request,
    Rubric,
    Score,
    VerdictFormat,
)
from harness.testing._members import check_members
from harness.testing._subject import Check, Subject, find_subject

SPACES: tuple[AnswerSpace, ...] = (
    Choice(("yes", "no")),
    Choice(("very good", "good", "bad")),
    Preference(2),
    Preference(2, ("good", "bad")),
    Preference(4, ("tie",)),
    Score(1, 5, 1),
    Score(0, 1, 0.25),
    Ranking(3),
    Rubric((("sharp", Score(1, 3)), ("Better one", Preference(2, ("tie",))), ("safe", Choice(("yes", "no"))))),
    Rubric((("only", Choice(("yes", "no"))),)),
)
RATIONALES = ("", "It fits.", "First point.\n\nSecond point: é, 中, 🙂.")
HOSTILE = (
    "", " ", "\n", "\x00", "\ud800", "[[", "]]", "[[]]", "[[[[A]]]]", "{", "}", '{"', '{"verdict":', "{}", "[]", "null",
    "<think>", "</think>", "<answer>", "</answer>", "<answer></answer>", "A", "B", "yes", "no", "4", "NaN",
    "A > B", "A=B", "tie", "Ａ", "４", "٤", "ＹＥＳ", "I refuse.", "Answer:", '{"verdict": NaN}', "[[A]][[B]]",
    "\\", "-1", "1e999",
)  # fmt: skip


def make_request(
    form: VerdictFormat, space: AnswerSpace, shown: str = "Which is it?", *, candidates: tuple[str, ...] = ()
) -> Request:
    """A request in that format: the text `shown`, then the instruction, where the format can give one.

    Args:
        form: The format.
        space: What may be answered.
        shown: The question and the candidates, as text.
        candidates: The candidates by themselves.
    """
    # What is read must be total there too: a recorded answer may belong to any space.
    with suppress(DataError):  # a space that it cannot say
        shown = f"{shown}\n\n{form.instruction(space)}"
    return Request(
        task="check",
        item="check",
        messages=(Message("user", (shown,)),),
        space=space,
        format=form,
        candidates=tuple((text,) for text in candidates),
    )


def read(form: VerdictFormat, text: str, space: AnswerSpace, *, shown: str = "Which is it?") -> Reading:
    """What a whole answer says in that format: reasoning is split off, then the format reads the rest.

    Args:
        form: The format.
        text: What a judge wrote.
        space: What may be answered.
        shown: The question and the candidates, as text.
    """
    return make_request(form, space, shown).reading(text)


def format_checks(what: Card | str) -> Iterator[Check]:
    """The checks of a format: a card, or its id."""
    yield from checks(find_subject(what))


def checks(subject: Subject) -> Iterator[Check]:
    """The laws, each as a check."""
    yield "format_name_is_its_id", lambda: _check_name(subject)
    yield "format_knows_a_space", lambda: _check_spaces(subject.instance)
    yield "format_round_trip", lambda: _check_round_trip(subject.instance)
    yield "format_is_total", lambda: _check_total(subject.instance)
    yield "format_echo_is_no_verdict", lambda: _check_echo(subject.instance)
    yield "format_contradiction_is_no_verdict", lambda: _check_contradiction(subject.instance)
    yield "format_well_formed_is_the_whole_answer", lambda: _check_whole(subject.instance)
    yield "format_is_linear", lambda: _check_linear(subject.instance)
    yield "format_members", lambda: check_members("format", subject.instance)


def spaces_of(form: VerdictFormat) -> list[AnswerSpace]:
    """The spaces that the format can say: it refuses the others with `DataError`."""
    known: list[AnswerSpace] = []
    for space in SPACES:
        try:
            form.instruction(space)
        except DataError:
            continue
        known.append(space)
    return known


def _check_name(subject: Subject) -> None:
    name, offered = subject.instance.name, subject.offer
    assert name.rpartition("/")[2] == offered.card.name, f"format {offered.id}: its name is {name!r}, not its id"
    if not offered.id.startswith("card/"):
        assert name == offered.id, f"format {offered.id}: its name is {name!r}; it must be the canonical id"


def _check_spaces(form: VerdictFormat) -> None:
    assert spaces_of(form), f"format {form.name}: refuses every answer space"


def _check_round_trip(form: VerdictFormat) -> None:
    for space in spaces_of(form):
        for verdict in space.verdicts():
            for rationale in RATIONALES:
                text = form.write(verdict, space, rationale)
                reading = read(form, text, space)
                where = f"format {form.name}, {space}: {text!r}"
                assert reading.verdict == verdict, f"{where} stands for {verdict!r}, read as {reading.verdict!r}"
                assert reading.rationale == rationale, f"{where} was read with the rationale {reading.rationale!r}"
                assert reading.well_formed, f"{where} was written by the format itself and is not well formed"


def _check_total(form: VerdictFormat) -> None:
    for space in SPACES:
        own = [form.write(space.verdicts()[0], space)] if space in spaces_of(form) else []
        # Every beginning of an answer: judges are cut off anywhere.
        cut = [text[:end] for text in own for end in range(len(text))]
        for text in (*HOSTILE, *cut, *(a + b for a in (*own, *HOSTILE[:20]) for b in HOSTILE)):
            where = f"format {form.name}, {space}, text {text[:80]!r}"
            try:
                reading = read(form, text, space)
            except Exception as error:
                raise AssertionError(f"{where}: parse raised {error!r}; it must be total") from error
            assert isinstance(reading, Reading), f"{where}: parse returned {reading!r}, which is no Reading"
            if reading.verdict is None:
                assert reading.problem, f"{where}: no verdict, and no problem that says why"
                assert not reading.well_formed, f"{where}: no verdict, and yet well formed"
            else:
                assert space.contains(reading.verdict), f"{where}: {reading.verdict!r} is outside the space"


def _check_whole(form: VerdictFormat) -> None:
    for space in spaces_of(form):
        answer, instruction = form.write(space.verdicts()[0], space, RATIONALES[1]), form.instruction(space)
        for text in (f"{answer}\nAnd so on.", f"{instruction}\n{answer}", f"{answer}\n{instruction}"):
            well_formed = read(form, text, space).well_formed
            assert not well_formed, f"format {form.name}, {space}: {text!r} is more than an answer, yet well formed"


def _check_echo(form: VerdictFormat) -> None:
    for space in spaces_of(form):
        instruction = form.instruction(space)
        # Models wrap lines when they repeat a prompt.
        wrapped = instruction.replace(" ", "\n", 3)
        for text in (instruction, f"Which is better?\n\n{instruction}\n", f"I was told: {wrapped}"):
            verdict = read(form, text, space).verdict
            assert verdict is None, f"format {form.name}, {space}: its own instruction is read as {verdict!r}"


def _check_contradiction(form: VerdictFormat) -> None:
    for space in spaces_of(form):
        first, second = (form.write(verdict, space) for verdict in space.verdicts()[:2])
        # Reasoning in the middle of an answer is reasoning, also with an answer before it.
        second = second.rpartition("</think>")[2]
        verdict = read(form, f"{first}\n{second}", space).verdict
        assert verdict is None, f"format {form.name}, {space}: {first!r} and {second!r} at once are read as {verdict!r}"


def _check_linear(form: VerdictFormat) -> None:
    for space in spaces_of(form)[:1]:
        answer = form.write(space.verdicts()[0], space)
        for piece in (
            answer,
            answer[: len(answer) // 2],
            answer[:2],
            answer[-2:],
            "[[",
            "<answer>",
            '{"',
            " ",
            "\n",
            "A",
        ):
            text = piece * (200_000 // len(piece))
            # CPU and not the clock, which other programs slow down.
            began = time.process_time()
            read(form, text, space)
            seconds = time.process_time() - began
            assert seconds < 5, f"format {form.name}: {seconds:.0f} s for 200 KB of {piece!r}; it must take linear time"
