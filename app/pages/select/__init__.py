"""Page 2: the choice."""
