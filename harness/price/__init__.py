"""A price before a run: tokens and money that its questions will take, with the error of that."""
