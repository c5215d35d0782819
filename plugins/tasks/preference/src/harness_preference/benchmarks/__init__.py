"""The benchmarks: for each a module with its official protocol, what its columns mean, and its words."""
