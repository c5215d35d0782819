"""Getting the data of a benchmark: where they are, a download that can be stopped, and a check of what is there.

Not for how rows are read: see `harness.api.data`.
"""
