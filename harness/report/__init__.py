"""From scores to what people read: the leaderboard, the comparison of two judges, and their formats.

Nothing here computes a metric. That is `harness.score`.
"""
