"""Judges behind any OpenAI-compatible chat-completions endpoint."""
