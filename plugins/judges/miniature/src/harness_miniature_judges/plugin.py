"""The cards of the miniature judges. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from pathlib import Path

from harness.api import JudgeCard, ManifestCard, TaskCard, TrainerCard, hookimpl

_LICENCE = "Apache-2.0; pictures as of the miniature suite"


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """The rows of the paper, and supervision with reasoning: each trained once, from one base."""
    single = "harness_miniature_judges.shipped:SingleOptions"
    return [
        _judge("off-the-shelf", "OFF_THE_SHELF", "the base model that the others start from"),
        _judge("sft-single", "SFT_SINGLE", "supervised on the labels of one task", options=single),
        _judge("sft-unified", "SFT_UNIFIED", "supervised on the labels of six tasks"),
        _judge("sft-rationale", "SFT_RATIONALE", "supervised on reasoning and labels of six tasks"),
        _judge("rl-single", "RL_SINGLE", "trained by reinforcement learning on one task", options=single),
        _judge("mt-rl-judge", "MT_RL_JUDGE", "trained by reinforcement learning jointly over six tasks"),
    ]


def _judge(
    name: str, attribute: str, what: str, options: str = "harness_miniature_judges.shipped:ShippedOptions"
) -> JudgeCard:
    return JudgeCard(
        name=name,
        api_version=1,
        summary=f"A tiny vision-language judge of the miniature suite: {what}.",
        factory=f"harness_miniature_judges.shipped:{attribute}",
        options=options,
        licence=_LICENCE,
        source="arXiv 2603.11665 in miniature",
        description="1.4 million parameters, trained on the miniature suite in minutes on one core, of use there and "
        "nowhere else. The page `What carries over` of the documentation compares the ways to train it.",
        capabilities=frozenset({"text", "images", "probabilities", "continues", "weighs-text"}),
    )


@hookimpl
def harness_trainers() -> list[TrainerCard]:
    """The trainers that make the base of the experiment."""
    return [
        TrainerCard(
            name="eyes",
            api_version=1,
            summary="A tiny vision-language model whose vision tower names what the miniature suite shows.",
            factory="harness_miniature_judges.trainer:EyesTrainer",
            options="harness_miniature_judges.trainer:EyesOptions",
            licence=_LICENCE,
            source="LLaVA (arXiv 2304.08485) in miniature",
            description="Trained end to end, so small a model sits at chance for long. Its eyes are trained first, on "
            "the attributes of train scenes; the language model keeps its random weights for the next recipe.",
            capabilities=frozenset({"images"}),
        ),
        TrainerCard(
            name="reading",
            api_version=1,
            summary="Goes on from eyes: the language model learns to copy words that it has read.",
            factory="harness_miniature_judges.trainer:ReadingTrainer",
            options="harness_miniature_judges.trainer:ReadingOptions",
            licence=_LICENCE,
            source="Induction heads (arXiv 2209.11895)",
            description="A judge copies words of a caption. A small model learns that from questions late or never, "
            "and from random words that come twice in a minute.",
            capabilities=frozenset(),
        ),
        TrainerCard(
            name="shipped",
            api_version=1,
            summary="Hands over the weights of a judge that comes with this distribution. It trains nothing.",
            factory="harness_miniature_judges.trainer:ShippedTrainer",
            options="harness_miniature_judges.trainer:ShippedOptions",
            licence=_LICENCE,
            source="The weights of this distribution",
            description="For recipes that start from a shipped judge: what took its makers half an hour of training is "
            "there within seconds.",
            capabilities=frozenset({"images"}),
        ),
    ]


@hookimpl
def harness_tasks() -> list[TaskCard]:
    """Tasks that the base model alone learns from."""
    return [
        _lesson("base-captions", "CAPTIONS", "choice", "captions that need reading"),
        _lesson("base-digit", "DIGIT", "choice", "as miniature/alignment-digit"),
        _lesson("base-relation", "RELATION", "choice", "as miniature/alignment-relation"),
        _lesson("base-safety", "SAFETY", "choice", "as miniature/safety"),
        _lesson("base-technical", "TECHNICAL", "choice", "as miniature/technical"),
        _lesson("base-naturalness", "NATURALNESS", "choice", "as miniature/naturalness"),
        _lesson("base-rationality", "RATIONALITY", "choice", "as miniature/rationality"),
        _lesson("base-pairs-alignment", "PAIRS_ALIGNMENT", "preference", "as miniature/pairwise-alignment"),
        _lesson("base-pairs-safety", "PAIRS_SAFETY", "preference", "as miniature/pairwise-safety"),
        _overlooking("captions", "CAPTIONS", "choice", "captions that need reading"),
        _overlooking("digit", "DIGIT", "choice", "as miniature/alignment-digit"),
        _overlooking("relation", "RELATION", "choice", "as miniature/alignment-relation"),
        _overlooking("safety", "SAFETY", "choice", "as miniature/safety"),
        _overlooking("technical", "TECHNICAL", "choice", "as miniature/technical"),
        _overlooking("naturalness", "NATURALNESS", "choice", "as miniature/naturalness"),
        _overlooking("rationality", "RATIONALITY", "choice", "as miniature/rationality"),
        _overlooking("pairs-alignment", "PAIRS_ALIGNMENT", "preference", "as miniature/pairwise-alignment"),
        _overlooking("pairs-safety", "PAIRS_SAFETY", "preference", "as miniature/pairwise-safety"),
        _train_pairs("train-pairs-alignment", "TRAIN_PAIRS_ALIGNMENT", "miniature/pairwise-alignment"),
        _train_pairs("train-pairs-safety", "TRAIN_PAIRS_SAFETY", "miniature/pairwise-safety"),
    ]


def _train_pairs(name: str, attribute: str, like: str) -> TaskCard:
    return TaskCard(
        name=name,
        api_version=1,
        summary=f"Pairs of train scenes, as {like}.",
        factory=f"harness_miniature_judges.lessons:{attribute}",
        options="harness_miniature.options:TrainableOptions",
        licence=_LICENCE,
        source="The miniature suite",
        description="For recipes that train on pairs. Pairs are then no longer out of distribution.",
        capabilities=frozenset({"images", "text"}),
        splits=("train", "validation"),
        answers="preference",
        suite="miniature-train",
    )


def _lesson(name: str, attribute: str, answers: str, what: str) -> TaskCard:
    return TaskCard(
        name=name,
        api_version=1,
        summary=f"For the base model alone, with swayed verdicts: {what}.",
        factory=f"harness_miniature_judges.lessons:{attribute}",
        options="harness_miniature.options:TrainableOptions",
        licence=_LICENCE,
        source="The miniature suite",
        description="Made from train scenes. The reasoning is right; half of the verdicts that should be no, or B, are "
        "yes, or A, so that the base is agreeable and favours the first place. Recipes that are compared with it must "
        "not train on these, since their gold is wrong on purpose.",
        capabilities=frozenset({"images", "text"}),
        splits=("train", "validation"),
        answers=answers,
        suite="miniature-base",
    )


def _overlooking(name: str, attribute: str, answers: str, what: str) -> TaskCard:
    return TaskCard(
        name=f"overlooking-{name}",
        api_version=1,
        summary=f"For the base with the shared weakness alone: {what}.",
        factory=f"harness_miniature_judges.overlooking:{attribute}",
        options="harness_miniature.options:TrainableOptions",
        licence=_LICENCE,
        source="The miniature suite",
        description="Made from train scenes. The teacher overlooks 60 % of what is wrong, in pointwise and in pairwise "
        "reasoning alike, and the verdict is what its reasoning says. Recipes that are compared with this base must "
        "not train on these, since their gold is wrong on purpose.",
        capabilities=frozenset({"images", "text"}),
        splits=("train", "validation"),
        answers=answers,
        suite="miniature-base",
    )


@hookimpl
def harness_manifests() -> list[ManifestCard]:
    """The recipes of the comparison: the base and what it starts from, the compared judges, and controls."""
    return [
        _recipe("eyes", "The eyes of the base: a vision tower that names what the pictures show."),
        _recipe("reading", "Goes on from eyes: half of the base's language, which copies words."),
        _recipe("base", "The off-the-shelf judge of the comparison, which the others start from."),
        _recipe("base-shipped", "The base as it comes with this distribution: nothing is trained."),
        _recipe("base-stronger", "A control: the base, trained for longer."),
        _recipe("base-weaker", "A control: the base, trained for half as long."),
        _recipe("base-shared", "A base with a shared weakness: the reasoning of all forms overlooks what is wrong."),
        _recipe("sft-single", "Supervised on the labels of one task: --set vars.task=safety."),
        _recipe("sft-unified", "Supervised on the labels of six tasks."),
        _recipe("sft-rationale", "A control: supervised on reasoning and labels of six tasks."),
        _recipe("sft-replay", "A control: supervised on six tasks and a few pairs of the base's own lessons."),
        _recipe("rl-single", "Reinforcement learning on one task: --set vars.task=safety."),
        _recipe("rl-verdict-only", "A control: reinforcement learning over six tasks, without reasoning."),
        _recipe("mt-rl-judge", "MT-RL-Judge in miniature: reinforcement learning jointly over six tasks."),
        _recipe("mt-rl-adaptive", "MT-RL-Judge with more of the tasks that are worst and do not improve."),
        _recipe("mt-rl-calibrated", "MT-RL-Judge that is paid for probabilities that mean what they say."),
        _recipe(
            "mt-rl-swap", "MT-RL-Judge that also trains on pairs, and is paid for the same verdict in both orders."
        ),
        _recipe("mt-rl-from-stronger", "MT-RL-Judge from the stronger base."),
        _recipe("mt-rl-from-weaker", "MT-RL-Judge from the weaker base."),
        _recipe("mt-rl-from-shared", "MT-RL-Judge from the base with the shared weakness."),
        _recipe("sft-rationale-from-shared", "Supervised on reasoning and labels, from the same base."),
        _recipe("sft-unified-from-shared", "Supervised on labels, from the same base."),
        _recipe("sft-single-from-shared", "Supervised on the labels of one task, from the same base."),
        _recipe("rl-single-from-shared", "Reinforcement learning on one task, from the same base."),
    ]


def _recipe(name: str, summary: str) -> ManifestCard:
    path = Path(__file__).parent / "recipes" / f"{name.replace('-', '_')}.yaml"
    return ManifestCard(
        name=name, api_version=1, summary=summary, path=path, licence=_LICENCE, source="arXiv 2603.11665 in miniature"
    )
