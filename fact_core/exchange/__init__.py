"""Labels and predictions from and to the files of other programs."""
