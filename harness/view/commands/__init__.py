"""The verbs of looking at runs."""
