"""What the person says of the images: labels, classes, notes, selections, and what undoes them."""

import fact_core.storage  # noqa: F401  # before a file of this folder asks for sqlite-utils: see there
