"""The cards of the rewards. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import RewardCard, hookimpl

_LICENCE = "Apache-2.0"


@hookimpl
def harness_rewards() -> list[RewardCard]:
    """The rewards of this distribution."""
    return [
        RewardCard(
            name="accuracy",
            api_version=1,
            summary="1 for the right verdict, else 0.",
            factory="harness_verdict.accuracy:make",
            licence=_LICENCE,
            source="DeepSeek-R1, arXiv:2501.12948; MT-RL-Judge, arXiv:2603.11665",
            description="Right is what the answer space calls right, as in evaluation. An answer without a verdict is "
            "compared with no label and earns 0. A rubric is right where every criterion is. Every space.",
        ),
        RewardCard(
            name="criteria-accuracy",
            api_version=1,
            summary="The share of the criteria of a rubric that are right.",
            factory="harness_verdict.criteria:make",
            licence=_LICENCE,
            source="Rubrics as Rewards, arXiv:2507.17746",
            description="From 0 to 1, as evaluation counts it; an answer without a verdict earns 0, so that leaving a "
            "criterion out never pays. Unlike `accuracy` it tells one wrong criterion from many. Rubrics only.",
        ),
        RewardCard(
            name="format",
            api_version=1,
            summary="1 where the whole answer is what the verdict format asks for, else 0.",
            factory="harness_verdict.form:make",
            licence=_LICENCE,
            source="DeepSeek-R1, arXiv:2501.12948; MT-RL-Judge, arXiv:2603.11665",
            description="The request's own format decides. Text after the verdict, a repeated instruction, a missing "
            "tag, or no reasoning where the instruction asks for some earns 0, though the verdict can be read. Every "
            "space.",
        ),
        RewardCard(
            name="soft-score",
            api_version=1,
            summary="1 less the squared error of the expected score, as a share of the scale.",
            factory="harness_verdict.soft_score:make",
            licence=_LICENCE,
            source="REAL, arXiv:2603.17145",
            description="1 - ((E - gold) / (high - low))^2, where E is the mean of the scale under the answer's "
            "probabilities. From 0 to 1; an answer without a verdict earns 0. Scores only. This is the value: a "
            "gradient through the probabilities, which the paper adds, is the trainer's business.",
            capabilities=frozenset({"probabilities"}),
        ),
        RewardCard(
            name="distance",
            api_version=1,
            summary="1 less the distance between verdict and gold, as a share of the greatest there is.",
            factory="harness_verdict.distance:make",
            licence=_LICENCE,
            source="JudgeLRM, arXiv:2504.00050; Kendall 1938 for rankings",
            description="Of a score, |verdict - gold| / (high - low); of a ranking, the share of pairs in the wrong "
            "order. From 0 to 1; an answer without a verdict earns 0. Scores and rankings only. The verdict that "
            "expects most is the median, so look out for a judge that always says the middle of the scale.",
        ),
        RewardCard(
            name="swap-consistency",
            api_version=1,
            summary="1 where the verdict is right in both orders, else 0.",
            factory="harness_verdict.swap:make",
            licence=_LICENCE,
            source="J1, arXiv:2505.10320",
            description="A judge that prefers a place is right in one order and earns nothing. Both answers get the "
            "value. Rubrics have to be right by every criterion. Preferences, and rubrics with some, only.",
            capabilities=frozenset({"orders"}),
        ),
        RewardCard(
            name="brier",
            api_version=1,
            summary="Accuracy less the Brier score of the verdict's probability.",
            factory="harness_verdict.brier:make",
            licence=_LICENCE,
            source="RLCR, arXiv:2507.16806",
            description="c - (q - c)^2, where c is 1 for a right verdict and else 0, and q the probability of the "
            "verdict that was given. From -1 to 1; expected to be greatest where q is the chance of being right. An "
            "answer without a verdict earns -1, as one that is wrong and certain, so that giving none never pays. "
            "Every space.",
            capabilities=frozenset({"probabilities"}),
        ),
        RewardCard(
            name="rationale",
            api_version=1,
            summary="For a right verdict, the overlap of its reasoning with a reference; else 0.",
            factory="harness_verdict.rationale:make",
            options="harness_verdict.options:RationaleOptions",
            licence=_LICENCE,
            source="SQuAD, arXiv:1606.05250; rationale consistency, arXiv:2602.04649",
            description="The F1 of words between the reasoning and the item's tag `rationale`. From 0 to 1; 0 for a "
            "wrong verdict or none, so that good reasons never pay for a wrong verdict. It compares words and not "
            "meanings. Every space, where the item has the tag.",
            capabilities=frozenset({"steps"}),
        ),
        RewardCard(
            name="fidelity",
            api_version=1,
            summary="How well an item's score puts it in order with the other items of the step.",
            factory="harness_verdict.fidelity:make",
            options="harness_verdict.options:FidelityOptions",
            licence=_LICENCE,
            source="VisualQuality-R1, arXiv:2505.14460",
            description="Pairwise from pointwise. Of the score q of an item, the mean over other items of "
            "sqrt(p p') + sqrt((1 - p)(1 - p')): p = Phi((q - m) / sqrt(v + v' + gamma)) is the chance of being "
            "better, from the means m and variances v of the scores of both, and p' is 1, 1/2 or 0 by the golds. From "
            "0 to 1; an answer without a verdict earns 0. Give a step several items of a task. Scores only.",
            capabilities=frozenset({"steps"}),
        ),
        RewardCard(
            name="length",
            api_version=1,
            summary="0 for an answer of fair length, down to -1 at the limit and beyond.",
            factory="harness_verdict.length:make",
            options="harness_verdict.options:LengthOptions",
            licence=_LICENCE,
            source="DAPO, arXiv:2503.14476",
            description="The soft overlong punishment, in tokens written: 0 up to limit - buffer, from there falling "
            "in a straight line. Every space, and any answer.",
        ),
        RewardCard(
            name="repetition",
            api_version=1,
            summary="The negative share of word n-grams that have been said before.",
            factory="harness_verdict.repetition:make",
            options="harness_verdict.options:RepetitionOptions",
            licence=_LICENCE,
            source="Yeo et al. 2025, arXiv:2502.03373",
            description="-scale times the share of the answer's n-grams that repeat an earlier one. From -scale to 0; "
            "0 for an answer of n words or fewer. Words stand apart by white space, so it sees little in languages "
            "that write without. Every space, and any answer.",
        ),
    ]
