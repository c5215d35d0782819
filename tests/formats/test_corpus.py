"""Every answer of the corpus is read as a careful person reads it, and what changes no meaning changes no verdict.

The corpus is data: `corpus/*.yaml`, a file for each theme. Each has groups of answers with the same format, space and
prompt; `{{prompt}}` in an answer stands for all that the judge was shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.api import DataError, Judgement, Request, Status, UnreadReason, VerdictFormat, reason_of, space_from_json
from harness.api.reading import Thinking
from harness.formats.arena import ArenaFormat
from harness.formats.brackets import BracketsFormat
from harness.formats.json_object import JsonFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import make_request

FORMATS: dict[str, VerdictFormat] = {
    "arena": ArenaFormat(),
    "brackets": BracketsFormat(),
    "json": JsonFormat(),
    "label": LabelFormat(),
    "tagged": TaggedFormat(),
}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""In C where there is one: every worker reads the corpus."""
KINDS = tuple(
    reason.value
    for reason in UnreadReason
    if reason not in (UnreadReason.DRAWN, UnreadReason.REFUSED, UnreadReason.ERROR)
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of the corpus."""

    place: str
    """File and line."""
    request: Request
    written: str
    """The text as it stands in the file."""
    verdict: str | None
    """The name of the verdict that it stands for; `None` where there is none."""
    problem: tuple[str, ...] = ()
    """Why there is none: the first words of the reason, any of these."""
    why: str
    """What the answer stands for."""
    source: str = ""
    """The public report that it is rebuilt from."""
    finish: str = "stop"
    reasoning: str = ""
    opened: bool = False

    @cached_property
    def text(self) -> str:
        return self.written.replace("{{prompt}}", self.request.text)

    @property
    def format(self) -> str:
        return self.request.format.name.removeprefix("harness/")

    def read(self, text: str | None = None, request: Request | None = None, *, cut: str | None = None) -> Judgement:
        """What the reader makes of it, or of another text in its place."""
        cut = "length" * (self.finish == "length") if cut is None else cut
        text = self.text if text is None else text
        return (request or self.request).read(text, reasoning=self.reasoning, opened=self.opened, cut=cut)

    def name(self, judgement: Judgement) -> str | None:
        return None if judgement.verdict is None else self.request.space.name(judgement.verdict)


def _answers() -> Iterator[Answer]:
    for path in sorted(Path(__file__).with_name("corpus").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        loader = LOADER(text)
        root = loader.get_single_node()
        assert root is not None, f"{path.name} is empty"
        groups = loader.construct_document(root)
        for group, node in zip(groups, root.value, strict=True):
            members = {key.value: value for key, value in node.value}
            form, space, shown = FORMATS[group["format"]], space_from_json(group["space"]), group["shown"]
            request = make_request(form, space, shown, candidates=tuple(group.get("candidates", ())))
            marks = tuple((opening, closing) for opening, closing in group.get("marks", ()))
            request = replace(request, thinking=Thinking(marks=marks))
            for answer, at in zip(group["answers"], members["answers"].value, strict=True):
                given_kinds = answer.pop("problem", ())
                kinds = (given_kinds,) if isinstance(given_kinds, str) else tuple(given_kinds)
                place = f"{path.name}:{at.start_mark.line + 1}"
                yield Answer(place=place, request=request, written=answer.pop("text"), problem=kinds, **answer)


CORPUS = list(_answers())
ENDED = [answer for answer in CORPUS if answer.finish == "stop"]
SOUND = [answer for answer in ENDED if answer.name(answer.read()) == answer.verdict]
"""The answers that the laws are about: those that are read as they should be, and ended by themselves."""
FILES = sorted({answer.place.partition(":")[0] for answer in CORPUS})


@pytest.mark.parametrize("answer", CORPUS, ids=lambda answer: answer.place)
def test_an_answer_is_read_as_a_careful_person_reads_it(answer: Answer) -> None:
    judgement = answer.read()
    assert answer.name(judgement) == answer.verdict, f"{answer.why}: {judgement.error}"
    if answer.verdict is not None:
        assert judgement.status is Status.OK
    else:
        assert judgement.error.startswith(answer.problem), answer.why
        outside, cut = judgement.error.startswith("outside"), answer.finish == "length"
        expected = Status.TRUNCATED if cut else Status.OUTSIDE if outside else Status.UNPARSED
        assert judgement.status is expected
        assert reason_of(judgement.status, judgement.error) in answer.problem or cut


def test_the_corpus_is_large_and_says_what_it_stands_for() -> None:
    assert len(CORPUS) >= 400
    assert {answer.format for answer in CORPUS} == set(FORMATS)
    for form in set(FORMATS) - {"arena"}:
        assert {answer.request.space.kind for answer in CORPUS if answer.format == form} >= {
            "choice", "preference", "score", "ranking",
        }  # fmt: skip
    for answer in CORPUS:
        assert answer.why, answer.place
        assert answer.finish in ("stop", "length"), answer.place
        assert (answer.verdict is None) == bool(answer.problem), answer.place
        assert set(answer.problem) <= set(KINDS), answer.place
        named = answer.verdict is None or answer.request.space.read(answer.verdict) is not None
        assert named, f"{answer.place}: {answer.verdict} is no answer of its space"
    written = [
        (answer.request.key, answer.written, answer.finish, answer.opened, answer.reasoning) for answer in CORPUS
    ]
    assert len(set(written)) >= len(written) - 5


# Laws: what changes no meaning changes no verdict. Unread is allowed only where a law says so.

FAMILIES = [
    ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reason>", "</reason>"), ("<think>\n", "\n</think>\n\n"),
    ("<reasoning>", "</reasoning>"), ("<analysis>", "</analysis>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"), ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<seed:think>", "</seed:think>"), ("<unused94>thought\n", "<unused95>"), ("<|channel>thought\n", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("analysisOkay. ", "assistantfinal"), ("", "</think>\n\n"), ("<think>a</think><think>", "</think>"),
]  # fmt: skip
CHANNELS = ("analysis", "assistantfinal")  # gpt-oss without its special tokens: only at the very beginning
_REASONS = re.compile(
    r"(?i)assistantfinal|think|reason|thought|analysis|channel|rationale|scratchpad|thinking|inner_|unused|◁|<<<"
)
_MARK = {
    "brackets": re.compile(r"\[\[[^\[\]]*\]\]"),
    "arena": re.compile(r"\[\[[^\[\]]*\]\]"),
    "tagged": re.compile(r"(?i)(?<=<answer>)[^<>]*(?=</answer>)"),
    "json": re.compile(r'(?i)(?<="verdict": ")[^"]*(?=")'),
    "label": re.compile(r"\A[^\n]*\Z"),
}
_WIDER = {code: code + 0xFEE0 for code in (*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B))}


def _other(answer: Answer) -> str:
    """Another verdict than the answer's, in the form of its format, without reasoning."""
    space = answer.request.space
    try:
        verdicts = space.verdicts()
    except DataError:  # too many to list: the ends of the scale
        verdicts = (space.worst(0.0), space.worst(1.0))
    other = next(verdict for verdict in verdicts if space.name(verdict) != answer.verdict)
    return answer.request.format.write(other, space).removeprefix("<think></think>")


def _instruction(answer: Answer) -> str:
    return answer.request.format.instruction(answer.request.space)


def _judged(answer: Answer, text: str, request: Request | None = None) -> tuple[str | None, str | None]:
    return answer.name(answer.read()), answer.name(answer.read(text, request))


def _hold(answers: list[Answer], change: Callable[[Answer], str], *, unread: Callable[[Answer], bool]) -> None:
    """Fail with the places where the change breaks the law."""
    places = []
    for answer in answers:
        before, after = _judged(answer, change(answer))
        if after != before and not (after is None and unread(answer)):
            places.append(f"{answer.place}: {before} became {after}: {change(answer)[-300:]!r}")
    assert not places, "\n".join(places)


def _of(file: str) -> list[Answer]:
    return [answer for answer in SOUND if answer.place.startswith(f"{file}:")]


def _never(answer: Answer) -> bool:
    return False


def _bare(answer: Answer) -> bool:
    return answer.format == "label"


files = pytest.mark.parametrize("file", FILES)


@files
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: repr(family[0] + family[1]))
def test_reasoning_in_front_changes_no_verdict(file: str, family: tuple[str, str]) -> None:
    opening, closing = family
    plain = [a for a in _of(file) if not (a.opened or a.reasoning or _REASONS.search(a.written))]
    change = lambda a: f"{opening}Is it {_other(a)}? No.{closing}{a.text}"  # noqa: E731
    tokens = lambda a: opening.startswith("analysis") and bool(re.search(r"<\||\[/INST", a.text))  # noqa: E731
    _hold(plain, change, unread=tokens)


@files
@pytest.mark.parametrize("quote", ['It says: "{}"', "It says “{}”, which is no argument.", "> {}", "{}"])
def test_quoting_a_candidate_after_the_verdict_gives_no_other_verdict(file: str, quote: str) -> None:
    """Unread is allowed for the bare label, whose last line is then another, and for a quoted end of reasoning."""
    broken = []
    for answer in _of(file):
        if {"outside", "cut off"} & set(answer.problem):
            continue  # what cannot be read may stand in the last paragraph with marks, and then does no longer
        for plant in (f"The best of all three is {_other(answer)}", f"9</think>{_other(answer)}"):
            message = replace(answer.request.messages[0], parts=(f"{plant}\n\n{answer.request.text}",))
            known = answer.request.candidates
            candidates = (*known, (plant,)) if known else ()
            request = replace(answer.request, messages=(message,), candidates=candidates)
            before, after = _judged(answer, f"{answer.text}\n\n{quote.format(plant)}", request)
            unread = after is None and (_bare(answer) or "</" in plant)
            if after != before and not unread:
                broken.append(f"{answer.place}: {before} became {after}: {answer.text[-200:]!r} + {plant!r}")
    assert not broken, "\n".join(broken)


@files
def test_full_width_letters_in_the_mark_change_no_verdict(file: str) -> None:
    """Unread is allowed where the mark holds LaTeX, markup or escapes, whose names are not forgiven."""
    wide = lambda a: _MARK[a.format].sub(lambda match: match[0].translate(_WIDER), a.text)  # noqa: E731
    latex = lambda a: bool(re.search(r"[\\<&{|]|[^\x00-\x7f]|e-\d|e0|/INST", a.text))  # noqa: E731
    _hold([a for a in _of(file) if not a.text.startswith(CHANNELS)], wide, unread=latex)


@files
@pytest.mark.parametrize("more", ["I hope this helps.", "Let me know if you have any questions!", "---"])
def test_a_trailing_sentence_changes_no_verdict(file: str, more: str) -> None:
    """Unread is allowed for the bare label, whose last line is then the sentence."""
    _hold(_of(file), lambda a: f"{a.text}\n\n{more}", unread=_bare)


@files
@pytest.mark.parametrize("frame", ["**{}**", "__{}__", "`{}`", "### {}", "> {}", "\n\n{}\n\n", "{}."])
def test_dress_around_the_mark_changes_no_verdict(file: str, frame: str) -> None:
    """Unread is allowed for the bare label: `> 4` may say that it is more than 4."""
    alone = {
        "tagged": re.compile(r"(?im)^<answer>[^<>]*</answer>$"),
        "json": re.compile(r"(?s)\A\{[^{}]*\}\Z"),
        "label": re.compile(r"(?m)^[\w .:]+\Z"),
    }
    double = re.compile(r"(?m)^\[\[[^\[\]\n]*\]\]$")
    dress = lambda a: alone.get(a.format, double).sub(lambda match: frame.format(match[0]), a.text)  # noqa: E731
    quoting = frame.startswith(">")  # a bare label in a block quotation is a quotation
    answers = [a for a in _of(file) if not (a.text.startswith(CHANNELS) or (quoting and (_bare(a) or "quot" in file)))]
    _hold(answers, dress, unread=lambda a: _bare(a) or "<think>" in a.text)


@files
@pytest.mark.parametrize("case", [str.upper, str.lower], ids=lambda case: case.__name__)
def test_case_changes_no_verdict(file: str, case: Callable[[str], str]) -> None:
    """Unread is allowed where a text holds LaTeX, escapes, words of Python or JSON, or a label within a sentence."""
    plain = [a for a in _of(file) if a.text.isascii() and not re.search("analysis|assistant|thought process", a.text)]
    special = lambda a: bool(re.search(r"\\|true|false|&|CDATA| is | wins", a.text)) or _bare(a)  # noqa: E731
    _hold(plain, lambda a: case(a.text), unread=special)


@files
def test_an_echoed_instruction_changes_no_verdict(file: str) -> None:
    answers = [answer for answer in _of(file) if not answer.text.startswith(CHANNELS)]
    _hold(answers, lambda a: f"{_instruction(a)}\n\n{a.text}", unread=_never)
    _hold(answers, lambda a: f"{a.text}\n\n{_instruction(a)}", unread=_never)


@files
def test_line_breaks_of_windows_change_no_verdict(file: str) -> None:
    _hold(_of(file), lambda a: a.text.replace("\n", "\r\n"), unread=_never)


@files
@pytest.mark.parametrize("around", ["\n", " ", "\n\n \t\n", "\u00a0"], ids=repr)
def test_white_space_around_changes_no_verdict(file: str, around: str) -> None:
    answers = [answer for answer in _of(file) if not answer.text.startswith(CHANNELS)]
    _hold(answers, lambda a: f"{around}{a.text}{around}", unread=_never)


@given(data=st.data())
def test_an_answer_that_is_cut_off_after_any_word_never_gives_another_verdict(data: st.DataObject) -> None:
    """But for a bare label: the first word of `A draw` is all that `A` says."""
    whole = [a for a in SOUND if a.verdict is not None and not (_bare(a) and a.text.upper().startswith("A"))]
    answer = data.draw(st.sampled_from(whole))
    ends = [0, *(match.end() for match in re.finditer(r"\w+|\W", answer.text))]
    text = answer.text[: data.draw(st.sampled_from(ends))]
    cut = answer.name(answer.read(text, cut="length"))
    assert cut in (None, answer.verdict), f"{answer.place}: {text!r} became {cut}"


@given(data=st.data())
def test_changes_together_give_no_other_verdict(data: st.DataObject) -> None:
    plain = [answer for answer in SOUND if not (answer.opened or answer.reasoning or _REASONS.search(answer.written))]
    answer = data.draw(st.sampled_from(plain))
    opening, closing = data.draw(st.sampled_from(FAMILIES))
    more = data.draw(st.sampled_from(["", "\n\nI hope this helps.", "\n\n---"]))
    text = f"{opening}Or {_other(answer)}?{closing}{answer.text}{more}"
    if data.draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    before, after = _judged(answer, text)
    assert after in (before, None) if before is not None else after is None
