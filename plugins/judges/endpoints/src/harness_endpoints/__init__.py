"""Judges that are models at an endpoint: what all providers share, and a dialect for each of them."""
