"""The cards of the trainers. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import TrainerCard, hookimpl


@hookimpl
def harness_trainers() -> list[TrainerCard]:
    """GRPO and SFT by TRL."""
    return [
        TrainerCard(
            name="trl-grpo",
            api_version=1,
            summary="GRPO by TRL, for what one device cannot hold: accelerate, FSDP, DeepSpeed, vLLM.",
            factory="harness_trl.train:GrpoTrainer",
            options="harness_trl.options:TrlGrpoOptions",
            licence="Apache-2.0",
            source="TRL 1.16 (https://github.com/huggingface/trl); GRPO (arXiv 2402.03300)",
            description="The recipe of the trainer `grpo`, handed to TRL's GRPOTrainer: one reward function for each "
            "task, which reads answers as evaluation does. What TRL cannot do, such as other mixing or pairs in both "
            "orders, is refused with a word on what to do. Going on after a stop is not exact past the first epoch.",
            capabilities=frozenset({"images", "text", "gpu", "processes"}),
        ),
        TrainerCard(
            name="trl-sft",
            api_version=1,
            summary="Supervised fine-tuning by TRL, for what one device cannot hold.",
            factory="harness_trl.train:SftTrainer",
            options="harness_trl.options:TrlSftOptions",
            licence="Apache-2.0",
            source="TRL 1.16 (https://github.com/huggingface/trl)",
            description="The recipe of the trainer `sft`, handed to TRL's SFTTrainer. The target is the verdict as the "
            "task's format writes it. Rewards are not used.",
            capabilities=frozenset({"images", "text", "gpu", "processes"}),
        ),
    ]
