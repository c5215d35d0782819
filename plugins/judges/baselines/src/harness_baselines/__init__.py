"""Baseline judges: constant, random, prior, pixels, replay of recorded answers, jury."""
