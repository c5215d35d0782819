"""How much memory a training needs, from the configuration of its model alone."""
