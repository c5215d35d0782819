"""Rewards for training judges, each one formula over the verdict that evaluation would read."""
