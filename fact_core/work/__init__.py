"""The work itself: storage and torch meet here and nowhere else."""
