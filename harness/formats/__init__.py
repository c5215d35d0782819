"""The built-in verdict formats, one to a module. Discovery gives them out by id; see `harness.formats.cards`."""
