"""Answers of earlier runs, so that a fixed manifest pays for no question twice."""
