"""What the person says of the images: labels, classes, notes, selections, and what undoes them."""
