"""The built-in verdict formats, one in each module. Discovery finds them by id: see `harness.formats.cards`."""
