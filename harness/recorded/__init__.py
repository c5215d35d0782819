"""A run folder, read back: its cells and their answers, for scores, reports, bundles and what else looks at runs."""
