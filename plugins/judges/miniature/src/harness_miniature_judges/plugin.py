"""The cards of the miniature judges. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import TaskCard, TrainerCard, hookimpl

_LICENCE = "Apache-2.0; pictures as of the miniature suite"


@hookimpl
def harness_trainers() -> list[TrainerCard]:
    """What makes the base of the experiment."""
    return [
        TrainerCard(
            name="eyes",
            summary="A tiny vision-language model whose vision tower names what the miniature suite shows.",
            factory="harness_miniature_judges.trainer:EyesTrainer",
            options="harness_miniature_judges.trainer:EyesOptions",
            licence=_LICENCE,
            source="LLaVA (arXiv 2304.08485) in miniature",
            description="Trained end to end, so small a model sits at chance for long. Its eyes are trained first, on "
            "the attributes of train scenes; the language model keeps its random weights for the next recipe.",
            capabilities=frozenset({"images"}),
        )
    ]


@hookimpl
def harness_tasks() -> list[TaskCard]:
    """What the base model alone learns the form of pairwise questions from."""
    return [
        TaskCard(
            name=f"base-pairs-{name.lower()}",
            summary=f"For the base model alone: pairs from train scenes, as in miniature/pairwise-{name.lower()}.",
            factory=f"harness_miniature_judges.pairs:{name}",
            options="harness_miniature.options:TrainableOptions",
            licence=_LICENCE,
            source="The miniature suite",
            description="An off-the-shelf judge follows pairwise questions weakly. Recipes that are compared with it "
            "must not train on these.",
            capabilities=frozenset({"images", "text"}),
            splits=("train", "validation"),
            answers="preference",
            suite="miniature-base",
        )
        for name in ("ALIGNMENT", "SAFETY")
    ]
