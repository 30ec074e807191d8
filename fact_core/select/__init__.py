"""Which images to label: features in, row numbers out."""
