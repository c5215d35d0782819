"""Scores: pure functions from recorded answers to numbers. Nothing here asks a judge, reads a file or prints."""
