"""For authors of trainers and rewards. The kernel trains nothing. `harness.api` has the public names."""
