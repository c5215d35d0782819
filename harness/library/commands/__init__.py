"""Verbs of the command line that are written on the library."""
