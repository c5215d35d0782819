"""For authors of metrics, reports and renderers: recorded runs, units, statistics, and how numbers are written.

The kernel ends at the journal, and measures nothing. `harness.api` has the public names.
"""
