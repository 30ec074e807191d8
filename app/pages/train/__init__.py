"""Page 4: the training."""
