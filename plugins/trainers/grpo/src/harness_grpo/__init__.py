"""SFT and multi-task GRPO for judges in plain torch; registered by `harness_grpo.plugin`."""
