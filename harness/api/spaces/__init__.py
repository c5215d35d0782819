"""Answer spaces: what the answer to an item may be, in words, as a verdict and as data.

The kernel hardly looks into one: it keeps verdicts, and does not read them. `harness.api` has the public names.
"""
