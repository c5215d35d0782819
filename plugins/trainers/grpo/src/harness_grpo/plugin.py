"""The cards of the trainers. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import TrainerCard, hookimpl


@hookimpl
def harness_trainers() -> list[TrainerCard]:
    """SFT and GRPO."""
    return [
        TrainerCard(
            name="grpo",
            api_version=1,
            summary="Group-relative policy optimization over any mix of tasks, prompts computed once per group.",
            factory="harness_grpo.grpo:GrpoTrainer",
            options="harness_grpo.options:GrpoOptions",
            licence="Apache-2.0",
            source="MT-RL-Judge (arXiv 2603.11665); GRPO (arXiv 2402.03300) and its kin; Prefix Grouper (2506.05433)",
            description="The policy answers each prompt G times; answers are read by the task's own format and earn "
            "what the recipe's rewards say; what an answer is worth beside its group is its advantage.",
            capabilities=frozenset({"images", "text", "gpu", "processes"}),
        ),
        TrainerCard(
            name="sft",
            api_version=1,
            summary="Supervised fine-tuning on gold verdicts, with the reasoning of a tag ahead of them or without.",
            factory="harness_grpo.sft:SftTrainer",
            options="harness_grpo.options:SftOptions",
            licence="Apache-2.0",
            source="The baselines SFT-Single and SFT-Unified of MT-RL-Judge (arXiv 2603.11665)",
            description="The target is the verdict as the task's format writes it. Rewards are not used.",
            capabilities=frozenset({"images", "text", "gpu", "processes"}),
        ),
    ]
