"""Tiny judges for the miniature suite: a model small enough to train on two cores, and the training of its eyes."""
