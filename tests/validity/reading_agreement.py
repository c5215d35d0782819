"""Agreement of the harness's reading with the authors' own on recorded answers of real judges, as a Markdown table.

    python tests/validity/reading_agreement.py [../shared/data]
    python tests/validity/reading_agreement.py --examples 3

Every answer is read by the format that fits it: `harness/arena` where labels such as `[[A>B]]` were asked for
(GenAI-Bench, JudgeBench), `harness/label` where a sentence was (LLMBar: "Output (a) is better."). Files that are absent
are skipped. Nothing of the data is copied; the project ships none of it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.api import AnswerSpace, Preference, VerdictFormat
from harness.formats.arena import ArenaFormat
from harness.formats.label import LabelFormat
from harness.testing import make_request

GENAI = Preference(2, ("good", "bad"))
TIED = Preference(2, ("tie",))
PAIR = Preference(2)
VOTES = {
    "[[A>B]]": "A",
    "[[A>>B]]": "A",
    "[[B>A]]": "B",
    "[[B>>A]]": "B",
    "[[A=B=Good]]": "good",
    "[[A=B=Bad]]": "bad",
    "[[A=B]]": "tie",
}
_MARKS = re.compile(r"\[\[([^\[\]]*)\]\]")
_SENTENCE = re.compile(r"Output \([ab]\) is (?:slightly |the )?better(?: \w+)?\.?", re.IGNORECASE)
DECISIONS = {"A>B": "A", "B>A": "B", "A=B": "tie"}


class Answer(NamedTuple):
    """One recorded answer, and what its authors read in it."""

    judge: str
    form: VerdictFormat
    space: AnswerSpace
    shown: str
    text: str
    official: str | None
    """The name of the authors' verdict in shown places; `None` where they read none."""
    candidates: tuple[str, ...] = ()
    cut: bool = False


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, JSON or JSON lines; none where it is absent."""
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file) if path.name.endswith(".json.gz") else [json.loads(line) for line in file]


def genai_bench(data: Path) -> Iterator[Answer]:
    """GenAI-Bench: the votes of its official script are beside the answers."""
    for kind in ("image_generation", "image_edition"):
        items = {row["idx"]: row for row in rows(data / "genai_bench" / kind / "items.jsonl.gz")}
        for path in sorted((data / "genai_bench" / kind / "outputs").glob("*.jsonl.gz")):
            judge = f"GenAI-Bench {kind}, {path.name.removesuffix('.jsonl.gz')}"
            for row in rows(path):
                shown = "\n".join(str(value) for key, value in items[row["idx"]].items() if "prompt" in key)
                yield Answer(judge, ArenaFormat(), GENAI, shown, row["response"], VOTES.get(row["official_vote"]))
        path = data / "authors" / "genai_bench" / "results" / kind / "otterimage" / "pairwise.jsonl.gz"
        for row in rows(path):
            vote = VOTES.get(row["model_vote"])
            yield Answer(f"GenAI-Bench {kind}, otterimage", ArenaFormat(), GENAI, "", row["response"], vote)


def judgebench(data: Path) -> Iterator[Answer]:
    """JudgeBench: two games for each pair, the second one in the other order; the decisions are in shown places."""
    items = {row["pair_id"]: row for row in rows(data / "judgebench" / "gpt" / "items.jsonl.gz")}
    for path in sorted((data / "judgebench" / "gpt" / "outputs").glob("*.jsonl.gz")):
        judge = f"JudgeBench gpt, {path.name.removesuffix('.jsonl.gz')}"
        for row in rows(path):
            for game, judgment in enumerate(row["judgments"]):
                if not judgment["response"]:
                    continue  # a reward model
                item = items[row["pair_id"]]
                pair = [item["response_A"], item["response_B"]]
                first, second = pair[::-1] if game else pair
                shown = f"{item['question']}\n\nAssistant A:\n{first}\n\nAssistant B:\n{second}"
                decision = DECISIONS.get(judgment["decision"])
                yield Answer(judge, ArenaFormat(), TIED, shown, judgment["response"], decision, (first, second))


def llmbar(data: Path) -> Iterator[Answer]:
    """LLMBar: each completion with its finish reason, and the winner in the order of the file."""
    root = data / "authors" / "llmbar" / "Dataset" / "LLMBar"
    for path in sorted(root.glob("**/result.json.gz")):
        judge = f"LLMBar, {path.parts[-3]} {path.parts[-2]}"
        for row in rows(path):
            for order, result in ((order, result) for each in row["results"] for order, result in each.items()):
                completion = result.get("completion")
                if not isinstance(completion, list):
                    continue  # no text of its own
                text, finish = completion
                swapped = order.endswith("True")
                first, second = ("output_2", "output_1") if swapped else ("output_1", "output_2")
                shown = f"{row['input']}\n\nOutput (a):\n{row[first]}\n\nOutput (b):\n{row[second]}"
                official = {"1": "AB"[swapped], "2": "BA"[swapped]}.get(str(result["winner"]))
                yield Answer(
                    judge, LabelFormat(), PAIR, shown, text, official, (row[first], row[second]), finish == "length"
                )


def main(arguments: list[str] | None = None) -> int:
    """Print the table, and on request examples of each kind of difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).parents[2]
    parser.add_argument("data", type=Path, nargs="?", default=root.parent / "shared" / "data")
    parser.add_argument("--examples", type=int, default=0, metavar="N", help="show N answers of each difference")
    options = parser.parse_args(arguments)

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    differences: dict[str, list[tuple[Answer, str]]] = defaultdict(list)
    for answer in (*genai_bench(options.data), *judgebench(options.data), *llmbar(options.data)):
        outcome, reading = compare(answer)
        counts[answer.judge][outcome] += 1
        if outcome not in ("same verdict", "both none"):
            differences[f"{outcome}: {explain(answer, outcome)}"].append((answer, reading))
    if not counts:
        print(f"no recorded answers in {options.data}: nothing to compare", file=sys.stderr)
        return 0
    print("\n".join(table(counts)))
    print("\n| difference | answers | of |\n| --- | ---: | --- |")
    for why, found in sorted(differences.items(), key=lambda entry: -len(entry[1])):
        judges = Counter(answer.judge.rpartition(", ")[2] for answer, _ in found)
        print(f"| {why} | {len(found):,} | {', '.join(f'{judge} {n:,}' for judge, n in judges.most_common())} |")
    for why, found in sorted(differences.items()):
        for answer, reading in found[: options.examples]:
            print(f"\n--- {why}\n--- official {answer.official}, here {reading}\n{answer.text}")
    return 0


def explain(answer: Answer, outcome: str) -> str:
    """Why an answer is read in two ways, in words."""
    marks = [mark.replace(" ", "") for mark in _MARKS.findall(answer.text)]
    if outcome == "read here only":
        return "the label has blanks or brackets inside that the authors' pattern does not take"
    if outcome == "unread: only quoted":
        return "the judge puts its verdict in quotation marks"
    if outcome == "unread: cut off":
        return "the answer stopped for length, or its last label is not closed"
    if outcome == "unread: contradicts itself":
        return _listed(marks)
    if isinstance(answer.form, LabelFormat):
        lines = answer.text.strip().split("\n")
        if _SENTENCE.search(lines[-1]) and len(lines[-1]) < 60:
            return "a line of its own says it in a sentence (`Therefore, Output (a) is better.`)"
        return "the verdict is a sentence within a paragraph, which the authors search for and the bare label does not"
    return "another kind"


def _listed(marks: list[str]) -> str:
    rest = [mark for mark in marks if "<" not in mark]
    if len(set(rest[:4])) >= 3 and len(marks) <= 4:
        return "the answer lists the labels that it was offered and stops; the authors take the first"
    if len(set(rest[:4])) >= 3:
        return "the answer lists the labels that it was offered, then names one; the authors take the first"
    return "a label for each criterion, or a change of mind; the authors take the first"


def compare(answer: Answer) -> tuple[str, str]:
    """The column of an answer, and what was read here or why not."""
    request = make_request(
        answer.form, answer.space, answer.shown, candidates=answer.candidates or ("", "")
    )  # pictures hold no text
    judgement = request.read(answer.text, cut="length" if answer.cut else "")
    if judgement.verdict is None:
        kind = judgement.error.partition(":")[0].partition(" (")[0]
        return ("both none" if answer.official is None else f"unread: {kind}"), judgement.error
    name = answer.space.name(judgement.verdict)
    if answer.official is None:
        return "read here only", name
    return ("same verdict" if name == answer.official else "another verdict"), name


def table(counts: dict[str, Counter[str]]) -> Iterator[str]:
    """The lines of the table, a judge a line and their sum."""
    sums = sum(counts.values(), Counter())
    reasons = sorted(outcome for outcome in sums if outcome.startswith("unread"))
    columns = ["same verdict", "both none", "read here only", *reasons, "another verdict"]
    yield f"| judge | answers | {' | '.join(columns)} |"
    yield f"| --- |{' ---: |' * (len(columns) + 1)}"
    for judge, count in [*counts.items(), ("all", sums)]:
        yield f"| {judge} | {sum(count.values()):,} | {' | '.join(f'{count[column]:,}' for column in columns)} |"


if __name__ == "__main__":
    raise SystemExit(main())
