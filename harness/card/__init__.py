"""A judge's card: what it was asked, where it fails, and what its verdicts are worth, in the form of a model card."""
