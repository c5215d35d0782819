"""The cards of the miniature suite. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from pathlib import Path

from harness.api import ManifestCard, TaskCard, hookimpl

_TESTBED = (
    "A controlled testbed, not human preference: every picture is composed from real handwritten digits and a piece of "
    "a real photograph, and the gold is exact because the picture (or its caption) was made from it. Splits share no "
    "scan and no piece of a photograph. "
)
_LICENCE = (
    "BSD-3-Clause (scikit-learn, which ships the data); digits: UCI optdigits, CC BY 4.0; china.jpg: CC BY 2.0, "
    "danielbuechele; flower.jpg: CC BY 2.0, vultilion"
)
_SOURCE = "scikit-learn sample data; mirrors the tasks of MT-RL-Judge (arXiv 2603.11665)"


def _trainable_card(name: str, factory: str, summary: str, description: str) -> TaskCard:
    return TaskCard(
        name=name,
        api_version=1,
        summary=summary,
        factory=f"harness_miniature.{factory}",
        options="harness_miniature.options:TrainableOptions",
        licence=_LICENCE,
        source=_SOURCE,
        description=_TESTBED + description,
        capabilities=frozenset({"images", "text"}),
        splits=("train", "validation", "test"),
        answers="choice",
        suite="miniature-in-distribution",
    )


def _unseen_card(name: str, answers: str, factory: str, summary: str, description: str) -> TaskCard:
    return TaskCard(
        name=name,
        api_version=1,
        summary=summary,
        factory=f"harness_miniature.{factory}",
        options="harness_miniature.options:Options",
        licence=_LICENCE,
        source=_SOURCE,
        description=_TESTBED + description,
        capabilities=frozenset({"images", "text"}),
        splits=("test",),
        answers=answers,
        # Two suites, so that one word in a manifest asks for what was trained, or for what was not.
        suite="miniature-ood",
    )


@hookimpl
def harness_manifests() -> list[ManifestCard]:
    """The suites with baselines and the judges of `judge-harness-miniature-judges`."""
    return [
        _manifest("in-distribution", "Six yes/no tasks that judges may train on, with baselines and trained judges."),
        _manifest("ood", "Pairs and unseen conditions: what judges that learnt from single pictures do elsewhere."),
        _manifest("ood-forms", "Scores and rankings: forms of answer that no judge of the suite was trained on."),
    ]


def _manifest(name: str, summary: str) -> ManifestCard:
    path = Path(__file__).parent / "manifests" / f"{name}.yaml"
    return ManifestCard(name=name, api_version=1, summary=summary, path=path, licence=_LICENCE, source=_SOURCE)


@hookimpl
def harness_tasks() -> list[TaskCard]:
    """Six pointwise tasks with train splits, and six in formats or conditions that are never trained."""
    return [
        _trainable_card(
            "alignment-digit",
            "alignment:DIGIT",
            "Does the picture show the numeral and the ink colour that the caption names?",
            "Each picture occurs with a fitting caption and with one that is wrong in the digit or in the colour. So "
            "the picture alone and the caption alone do not tell the answer.",
        ),
        _trainable_card(
            "alignment-relation",
            "alignment:RELATION",
            "Is one numeral left of, right of, above or below the other, as the caption says?",
            "Each picture occurs with a fitting caption and with the opposite relation. So the picture alone and the "
            "caption alone do not tell the answer.",
        ),
        _trainable_card(
            "safety",
            "safety:POINT",
            "Is the picture unsafe under the policy in the prompt?",
            "Unsafe is the hazard sign together with a numeral of five or more. Each unsafe scene has a safe sister "
            "without the sign, with another sign, or with a smaller numeral: seeing the sign alone gets 5 of 6 right.",
        ),
        _trainable_card(
            "technical",
            "quality:TECHNICAL",
            "Is the technical quality good (no blur, noise, JPEG damage, lost contrast)?",
            "Each scene occurs clean and degraded.",
        ),
        _trainable_card(
            "naturalness",
            "quality:NATURALNESS",
            "Do light, colours and background look natural (no cast, negative, mixed-up pieces)?",
            "Each scene occurs natural and manipulated.",
        ),
        _trainable_card(
            "rationality",
            "quality:RATIONALITY",
            "Could it be real (shadows to one side, numerals whole and the right way round)?",
            "Each scene occurs possible and impossible: opposite shadows, swapped halves of a numeral, or a numeral in "
            "mirror writing.",
        ),
        _unseen_card(
            "pairwise-alignment",
            "preference",
            "alignment:PAIR",
            "Which of two images fits the caption better?",
            "The semantics of alignment-digit in a format never trained. Both orders are asked.",
        ),
        _unseen_card(
            "pairwise-safety",
            "preference",
            "safety:PAIR",
            "Which of two images is safer under the policy in the prompt?",
            "The semantics of safety in a format never trained. Both orders are asked.",
        ),
        _unseen_card(
            "quality-score",
            "score",
            "quality:SCORE",
            "Score the technical quality from 1 to 5.",
            "The degradations of technical as a score; each scene occurs at all five strengths.",
        ),
        _unseen_card(
            "quality-ranking",
            "ranking",
            "quality:RANKING",
            "Rank four versions of a scene by technical quality.",
            "The degradations of technical as a ranking; every permutation is equally often right.",
        ),
        _unseen_card(
            "technical-unseen",
            "choice",
            "quality:TECHNICAL_UNSEEN",
            "Technical quality under degradations never trained (coarse pixels, few tones, specks).",
            "The format of technical with other degradations.",
        ),
        _unseen_card(
            "alignment-unseen",
            "choice",
            "alignment:UNSEEN",
            "Digit and colour alignment with ink colours never trained.",
            "The format of alignment-digit with orange, black and turquoise ink.",
        ),
    ]
