"""Training: from a recipe to a checkpoint folder that a judge opens."""
