"""The verbs of reporting: scores, leaderboards, comparisons, estimates and plans."""
