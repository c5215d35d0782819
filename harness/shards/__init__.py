"""A run in parts: the shards that several machines asked become one run folder (`harness merge`)."""
