"""GenAI-Bench's own way of writing and reading a verdict, quirks included, so that its published numbers come back."""

from __future__ import annotations

from harness.api import TIE, AnswerSpace, Context, DataError, Preference, Reading, Request, Verdict


class GenAIBenchFormat:
    r"""`[[A>B]]`, `[[B>A]]`, `[[A=B=Good]]`, `[[A=B=Bad]]`, read as the official script reads them.

    The vote is the *first* match of the greedy pattern `\[\[.*\]\]`, which does not cross lines, and it is compared as
    a whole (`parse_response` in inference.py of TIGER-AI-Lab/GenAI-Bench). What follows from that:

    - the first line with a verdict counts, not the last one: a judge that changes its mind further down is held to its
      first word;
    - two verdicts on one line run together to something that is no vote: unparsed, which the protocol counts as wrong;
    - `[[A > B]]`, `[[Model A is better: [[A>B]] ]]` and other spellings are unparsed;
    - `[[A>>B]]` and `[[B>>A]]` count as the plain ones, and a bare `[[A=B]]` agrees with either kind of tie.

    The instruction names the same four labels with the same meanings as the official template, on *one* line where the
    template gives each its own: by the rule above an answer that only repeats it then holds no vote, whereas an echo of
    the template would have been a vote for A.

    The strict alternative is `harness/arena`: write `format: harness/arena` in the manifest. Of the 15,924 recorded
    answers of six judges to image generation and edition the two read 994 (6.2 %) differently. In nearly all of
    these the official rule takes the first label of an answer that lists several, where the strict one finds that the
    answer contradicts itself. The numbers are in `docs/explanation/verdict-formats.md`.
    """

    name = "preference/genai-bench"

    def instruction(self, space: AnswerSpace) -> str:
        """The labels and what they mean.

        Raises:
            DataError: The space is not a preference between two candidates.
        """
        if not isinstance(space, Preference) or space.n != 2:
            raise DataError(f"format {self.name}: reads preferences between two candidates, not {space}")
        choices = [f"{_label(verdict, space)} if {_meaning(verdict, space)}" for verdict in space.verdicts()]
        return (
            "First explain your judgement. Then end with exactly one of these labels, on a line of its own, as your "
            f"final verdict: {', '.join(choices[:-1])}, or {choices[-1]}."
        )

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement as the official script does. Total: any text gives a `Reading`."""
        space = request.space
        if not isinstance(space, Preference) or space.n != 2:
            return Reading(problem=f"no verdict: {self.name} reads preferences between two candidates only")
        # The first vote counts, as in the official script. A rule of our own would give other numbers than the
        # published.
        start, end = _vote(text)
        if start == end:
            return Reading(rationale=text.strip(), problem="no verdict: no [[...]] in the answer")
        rationale, vote = text[:start].strip(), text[start:end]
        verdict = _votes(space).get(vote)
        if verdict is None:
            return Reading(rationale=rationale, problem=f"no verdict: {vote[:80]!r} is not one of the labels")
        # Whether the answer keeps to the instruction. The official script accepts more, and so does the verdict above.
        own_line = not rationale or text[:start].rstrip(" \t").endswith("\n")
        last = not text[end:].strip()
        plain = own_line and last and vote == _label(verdict, space)
        return Reading(verdict=verdict, rationale=rationale, well_formed=plain, closed=True, last=own_line and last)

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The reasoning, then the label on a line of its own."""
        return f"{rationale}\n\n{_label(verdict, space)}" if rationale else _label(verdict, space)


def genai_bench_format(options: None, context: Context) -> GenAIBenchFormat:
    """The factory of the card."""
    return GenAIBenchFormat()


def _vote(text: str) -> tuple[int, int]:
    r"""Where the first match of `\[\[.*\]\]` is, found line by line: the pattern itself takes quadratic time."""
    at = 0
    for line in text.split("\n"):
        start, end = line.find("[["), line.rfind("]]")
        if start >= 0 and start + 2 <= end:
            return at + start, at + end + 2
        at += len(line) + 1
    return 0, 0


def _votes(space: Preference) -> dict[str, Verdict]:
    votes: dict[str, Verdict] = {_label(verdict, space): verdict for verdict in space.verdicts()}
    # Labels of Arena-Hard, which judges know. The official script maps them to the plain ones.
    votes |= {"[[A>>B]]": 0, "[[B>>A]]": 1}
    return {**votes, _label(TIE, space): TIE} if space.ties else votes


def _label(verdict: Verdict, space: AnswerSpace) -> str:
    if isinstance(verdict, str):
        return "[[A=B]]" if verdict == TIE else f"[[A=B={verdict.capitalize()}]]"
    return "[[B>A]]" if verdict else "[[A>B]]"


def _meaning(verdict: Verdict, space: AnswerSpace) -> str:
    known = {
        "good": "they tie, both of about the same acceptable quality",
        "bad": "both are bad",
        TIE: "they are about equally good",
    }
    if isinstance(verdict, str):
        return known.get(verdict, f"they tie ({verdict})")
    return f"{space.name(verdict)} is better"
