"""What is on each page, as plain values for its template. A module for each page."""
