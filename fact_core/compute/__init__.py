"""The device, and batches of images for it."""
