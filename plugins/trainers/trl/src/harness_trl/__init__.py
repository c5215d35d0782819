"""SFT and GRPO for judges by TRL, on as many devices as accelerate gives it; registered by `harness_trl.plugin`."""
