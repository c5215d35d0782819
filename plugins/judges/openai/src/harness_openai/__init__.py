"""Judges that are models at any OpenAI-compatible chat-completions endpoint."""
