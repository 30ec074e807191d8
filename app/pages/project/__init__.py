"""Page 1: the folder."""
