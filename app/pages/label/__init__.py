"""Page 3: the labels."""
