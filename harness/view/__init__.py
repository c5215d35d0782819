"""Looking at runs: one file that opens from disk, and a server on this machine. Both show the same pages.

    scores.json, leaderboard.json, journal  --Book-->  pages  --templates-->  report.html, or `harness view`

No number is made here: `score` and `report` have made them all. What is counted here is counted to be linked.
"""
