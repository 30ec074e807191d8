"""Features of a pool, and their picture in two dimensions."""
