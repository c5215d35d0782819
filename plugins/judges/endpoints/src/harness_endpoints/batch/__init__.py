"""Questions in batches: submitted, found again after a kill, polled, and read."""
