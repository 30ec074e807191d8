"""Page 5: the outcome."""
