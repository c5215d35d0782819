"""Ray as an executor of `judge-harness`. `harness_ray.plugin` is what the harness loads."""
