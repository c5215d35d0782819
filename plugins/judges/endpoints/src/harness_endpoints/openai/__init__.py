"""OpenAI, and what copies its chat completions."""
